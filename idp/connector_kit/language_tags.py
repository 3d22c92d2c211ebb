"""Which of the languages there are a language tag (RFC 5646) asks for."""

_LIKELY = {"pt": "pt-BR", "zh": "zh-CN"}
"""Where a language is meant without a region, the region most of its speakers live in."""

_LONGEST = 35  # characters of a tag nobody has to shorten (RFC 5646 §4.4.1)


def lookup_order(tag: str) -> list[str]:
    """Return the tags that would do, best first: the tag cut short step by step (RFC 4647 §3.4).

    `zh-Hans-SG` is content with `zh-Hans-SG`, `zh-Hans`, `zh`, and in the end with `zh-CN`, for a
    reader of one region would rather read the language of another one than a foreign language.
    """
    subtags = _canonical(tag).split("-") if 0 < len(tag) <= _LONGEST else []
    order = []
    for length in range(len(subtags), 0, -1):
        if length == 1 or len(subtags[length - 1]) > 1:  # a singleton introduces what was cut off
            order.append("-".join(subtags[:length]))
    if order and (likely := _LIKELY.get(order[-1])) and likely not in order:
        order.append(likely)
    return order


def _canonical(tag: str) -> str:
    """Write a tag as RFC 5646 §2.1.1 recommends: `zh-Hans-CN`."""
    language, *others = tag.replace("_", "-").split("-")
    cased = {2: str.upper, 4: str.title}
    return "-".join([language.lower(), *(cased.get(len(s), str.lower)(s) for s in others)])
