# What each word does is in README.md. PYTHON=python3.12 chooses another Python for the first set-up.
PYTHON ?= python3
VENV = .venv/bin/python

.PHONY: course work check update add reset grading test test-grading site site-links test-web exercises render exercise tables language-model bench lock
.PHONY: test-release lite test-lite test-web-full test-oldest test-newest

course:  ## set up and open JupyterLab on start_here; ARGS="--no-browser --port 8899" passes options on
	@$(PYTHON) tools/course.py course $(ARGS)

work:  ## only put your copies of the exercises into work/, and say what was revised; nothing is installed
	@$(PYTHON) tools/course.py work

check:  ## run your own notebooks in work/ and print the scorecards
	@$(PYTHON) tools/course.py check $(ARGS)

update:  ## put corrected tasks and checks around your answers; EXERCISE=1_landscape/1_surfaces does one
	@$(PYTHON) tools/course.py update $(EXERCISE)

add:  ## ZIP=../2_convergence.zip unpacks another part, or a newer zip, into this folder
	@$(PYTHON) tools/course.py add "$(ZIP)"

reset:  ## EXERCISE=1_landscape/1_surfaces gives a fresh copy and keeps yours
	@$(PYTHON) tools/course.py reset $(EXERCISE)

grading:  ## for instructors: ARGS="selftest", "release PART", "grade FOLDER_OR_ZIP --part PART", "export RESULTS", "nbgrader PART"
	@$(PYTHON) tools/course.py grading $(ARGS)

test:  ## install what authors need and run every test
	@$(PYTHON) tools/course.py test $(ARGS)

test-grading:  ## the long tests of the grader: hostile submissions, listed mistakes, interruption, a cluster
	@OMP_NUM_THREADS=1 $(VENV) -m pytest -m "long or not long" tests/test_grading.py

test-release:  ## from the zip to full marks: installs what students get; a few minutes, and needs the package index
	@$(VENV) -m pytest -m "long or not long" tests/test_release.py $(ARGS)

test-oldest:  ## every test on the lowest versions that requirements.txt admits, in .venv-oldest; needs Python 3.11 or 3.12
	@$(PYTHON) tools/course.py test --versions constraints-oldest.txt $(ARGS)

test-newest:  ## every test on the newest versions, in .venv-newest
	@$(PYTHON) tools/course.py test --versions newest $(ARGS)

test-web-full:  ## every lesson in JupyterLab in Chromium, every slider by keyboard; `make test-web` does one a part
	@$(PYTHON) tools/course.py test-web -m "long or not long" $(ARGS)

lite:  ## build the edition that runs in the browser into build/lite
	@$(PYTHON) tools/lite.py build/lite

test-lite:  ## run lessons and solve exercises in the edition that runs in the browser
	@$(PYTHON) tools/course.py test-lite $(ARGS)

site:  ## build the web edition into build/site; ARGS="--lite" adds JupyterLite, in which its notebooks run
	@$(PYTHON) tools/course.py site $(ARGS)

site-links:  ## ask every external link of the built site for an answer
	@$(PYTHON) tools/course.py site-links

test-web:  ## build the web edition and test it in Chromium
	@$(PYTHON) tools/course.py test-web $(ARGS)

exercises:  ## make exercises/ from solutions/
	@$(VENV) -m tools.notebooks exercises

q = '$(subst ','\'',$(1))'
exercise:  ## make the cells of a new exercise: SLUG=my_slug NOTEBOOK=1_landscape/1_surfaces STARS=2 TITLE="Find the slope"
	@$(VENV) tools/new_exercise.py $(call q,$(SLUG)) $(call q,$(NOTEBOOK)) $(call q,$(STARS)) $(call q,$(TITLE))

render:  ## run lessons and solutions and store their outputs; NOTEBOOKS="a.ipynb b.ipynb" for some
	@$(VENV) -m tools.notebooks render $(NOTEBOOKS)

tables:  ## compute the stored results that part 3 reads again, from scratch
	@OMP_NUM_THREADS=1 $(VENV) tools/tables.py

language-model:  ## train lesson 3.5's base model on the stored prose again, and fine-tune it for the stored table
	@OMP_NUM_THREADS=1 $(VENV) tools/make_language_model.py train
	@OMP_NUM_THREADS=1 $(VENV) tools/make_language_model.py runs

bench:  ## measure what benchmarks/ names
	@for file in benchmarks/*.py; do echo "== $$file"; $(VENV) $$file || exit 1; done

lock:  ## write down the versions that CI uses
	@$(VENV) -m pip freeze --exclude-editable --quiet > constraints.txt
