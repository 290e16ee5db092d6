"""What is judged: rubrics in Chinese and English, as prompt text, reply shape and score."""

from rubrics.errors import RubricError
from rubrics.library import list_rubrics, load_rubric
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

__all__ = ["Rubric", "RubricError", "list_rubrics", "load_rubric", "rubric_digest"]
