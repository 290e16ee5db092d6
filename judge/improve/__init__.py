"""A better judge from expert labels, with proof on labels that the search never saw.

`partition` locks the labelled prompts into three parts, `proposers` write new texts for the rubric,
`guards` reject what must not be shown to a judge, `selection` chooses, and `proof` compares the old
and the new rubric once, on the sealed part.
"""
