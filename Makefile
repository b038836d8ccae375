# What each word does is in README.md. PYTHON=python3.12 chooses another Python for the first set-up.
PYTHON ?= python3
VENV = .venv/bin/python

.PHONY: course check reset test test-grading exercises render tables language-model bench lock

course:  ## set up and open JupyterLab on start_here; ARGS="--no-browser --port 8899" passes options on
	@$(PYTHON) tools/course.py course $(ARGS)

check:  ## run your own notebooks in work/ and print the scorecards
	@$(PYTHON) tools/course.py check $(ARGS)

reset:  ## EXERCISE=1_landscape/1_surfaces gives a fresh copy and keeps yours
	@$(PYTHON) tools/course.py reset $(EXERCISE)

test:  ## install what authors need and run every test
	@$(PYTHON) tools/course.py test $(ARGS)

test-grading:  ## the long tests of the grader: hostile submissions, listed mistakes, interruption, a cluster
	@OMP_NUM_THREADS=1 $(VENV) -m pytest -m "long or not long" tests/test_grading.py

exercises:  ## make exercises/ from solutions/
	@$(VENV) tools/notebooks.py exercises

render:  ## run lessons and solutions and store their outputs; NOTEBOOKS="a.ipynb b.ipynb" for some
	@$(VENV) tools/notebooks.py render $(NOTEBOOKS)

tables:  ## compute the stored results that part 3 reads again, from scratch
	@OMP_NUM_THREADS=1 $(VENV) tools/tables.py

language-model:  ## train lesson 3.5's base model on the stored prose again, and fine-tune it for the stored table
	@OMP_NUM_THREADS=1 $(VENV) tools/make_language_model.py train
	@OMP_NUM_THREADS=1 $(VENV) tools/make_language_model.py runs

bench:  ## measure what benchmarks/ names
	@for file in benchmarks/*.py; do echo "== $$file"; $(VENV) $$file || exit 1; done

lock:  ## write down the versions that CI uses
	@$(VENV) -m pip freeze --exclude-editable --quiet > constraints.txt
