"""How many texts a phone company makes of one (3GPP TS 23.038): what it costs, and whether it arrives in one piece."""

MOST_SEGMENTS = 3  # beyond it a phone company may cut a text up, and nobody reads it

GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENDED = frozenset("^{}\\[~]|€\f")  # each takes two places


def fits_gsm(text: str) -> bool:
    """True if every character is in the alphabet that all phones have; anything else travels as UCS-2."""
    return (GSM_7 | GSM_7_EXTENDED).issuperset(text)


def sms_segments(text: str) -> int:
    """Count the segments: 160 places in one and 153 in each of several, or 70 and 67 beyond the GSM alphabet."""
    if GSM_7.issuperset(text) or fits_gsm(text):
        return _packed([2 if character in GSM_7_EXTENDED else 1 for character in text], alone=160, joined=153)
    return _packed([2 if character > "\uffff" else 1 for character in text], alone=70, joined=67)


def _packed(places: list[int], *, alone: int, joined: int) -> int:
    """A character of two places is never cut in two."""
    if sum(places) <= alone:
        return 1 if places else 0
    segments, free = 1, joined
    for place in places:
        if place > free:
            segments, free = segments + 1, joined
        free -= place
    return segments
