"""How nbgrader makes what a class gets from `solutions/`, what an author writes.

nbgrader deletes a release before it makes the next one. So, typed in this folder, it releases into build/. `make
exercises` makes exercises/, and `make grading ARGS="nbgrader PART"` an nbgrader course in a folder of its own.
"""

from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "downhill"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "build/nbgrader/release"
c.CourseDirectory.db_url = "sqlite:///.generated.db"

# Explanations and common mistakes stay in the solution. The remover must stand first and be switched on.
c.GenerateAssignment.preprocessors = [TagRemovePreprocessor, *GenerateAssignment.preprocessors.default()]
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"solution-only"}

c.ClearSolutions.code_stub = {"python": "..."}
c.ClearSolutions.text_stub = "*Write your answer here.*"
