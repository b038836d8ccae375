# `make help` lists what there is. PYTHON=python3.12 chooses another Python for the first set-up.
PYTHON ?= python3
VENV = .venv/bin/python
TOOLS = .venv/bin/jupytext

.PHONY: help course work check update add reset grading install test test-grading test-release
.PHONY: test-oldest test-newest test-web test-web-full test-lite site site-links lite exercises
.PHONY: exercise render tables language-model bench lock

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

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

install:  ## for authors: install what they need into .venv; the commands below that need it say so
	@$(PYTHON) tools/course.py install

$(TOOLS):
	@echo 'What authors need is not installed yet: type `make install` once, then this again.' >&2; exit 1

test:  ## install what authors need and run every test; ARGS="-k style" runs those that match
	@$(PYTHON) tools/course.py test $(ARGS)

GRADER = engine grade class verdicts reports submissions
test-grading: $(TOOLS)  ## the long tests of the grader: hostile submissions, listed mistakes, interruption, a cluster
	@OMP_NUM_THREADS=1 $(VENV) -m pytest -m "long or not long" $(GRADER:%=tests/test_%.py) $(ARGS)

test-release: $(TOOLS)  ## from the zip to full marks: installs what students get; a few minutes, and needs the package index
	@$(VENV) -m pytest -m "long or not long" tests/test_release.py $(ARGS)

test-oldest:  ## every test on the lowest versions that pyproject.toml admits, in .venv-oldest; needs Python 3.11 or 3.12
	@$(PYTHON) tools/course.py test --versions pins/oldest.txt $(ARGS)

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

exercises: $(TOOLS)  ## make exercises/ from solutions/
	@$(VENV) -m tools.notebooks exercises

q = '$(subst ','\'',$(1))'
exercise: $(TOOLS)  ## make the cells of a new exercise: SLUG=my_slug NOTEBOOK=1_landscape/1_surfaces STARS=2 TITLE="Find the slope"
	@$(VENV) tools/new_exercise.py $(call q,$(SLUG)) $(call q,$(NOTEBOOK)) $(call q,$(STARS)) $(call q,$(TITLE))

render: $(TOOLS)  ## run lessons and solutions and store their outputs; NOTEBOOKS="a.ipynb b.ipynb" for some
	@$(VENV) -m tools.notebooks render $(NOTEBOOKS)

tables: $(TOOLS)  ## compute the stored results that part 3 reads again, from scratch
	@OMP_NUM_THREADS=1 $(VENV) tools/tables.py

language-model: $(TOOLS)  ## train lesson 3.5's base model on the stored prose again, and fine-tune it for the stored table
	@OMP_NUM_THREADS=1 $(VENV) tools/make_language_model.py train
	@OMP_NUM_THREADS=1 $(VENV) tools/make_language_model.py runs

NAME = $(basename $(notdir $(wildcard benchmarks/*.py)))
bench: $(TOOLS)  ## measure what benchmarks/ names; NAME=grading ARGS="memory" one of them with its own words
	@for name in $(NAME); do echo "== $$name"; \
	PYTHONPATH=.:tools:tests:tests/web $(VENV) -P benchmarks/$$name.py $(ARGS) || exit 1; done

lock:  ## install the newest versions and write them down as those that CI uses
	@$(PYTHON) tools/course.py lock
