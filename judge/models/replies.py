"""What both ways to a provider make of the same parts of a reply."""

from judge.records import Usage


def counted_usage(prompt: object, completion: object, cached: object) -> Usage:
    """Read a provider's token counts, where what makes no sense counts as not told.

    Parameters
    ----------
    prompt, completion, cached : object
        As they came. A prompt of no tokens is no count, and then none of the others is.
    """
    if not _count(prompt):
        return Usage()
    return Usage(
        prompt_tokens=_count(prompt),
        completion_tokens=_count(completion),
        cached_tokens=_count(cached),
    )


def _count(tokens: object) -> int | None:
    return tokens if isinstance(tokens, int) and tokens >= 0 else None


def without_thoughts(text: str | None) -> str | None:
    """Take away the block of thoughts with which a reasoning model opens its reply.

    Only a block at the very start is the model's own form; one further on may be a quotation.

    Examples
    --------
    >>> without_thoughts('<think>Is it safe?</think>{"score": 1}')
    '{"score": 1}'
    """
    if text is None or not text.lstrip().startswith("<think>"):
        return text
    _, closed, rest = text.partition("</think>")
    return rest.lstrip() if closed else text
