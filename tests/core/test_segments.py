import pytest

from coopflow.core.segments import sms_segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the two halves of € stay together
        ("[x]{y}~|^\\", 1),
        ("Ünter Ärzten: ñandú? ¡Sí!", 1),  # í and ú are not in the alphabet
        ("ç" * 70, 1),
        ("ç" * 71, 2),
        ("ç" * 134, 2),
        ("ç" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ç" * 66 + "😀" + "ç" * 66, 3),  # nor is a character beyond 16 bits cut
        ("Hi, checking in. Can we chat? – Sarah", 1),
    ],
)
def test_segments_are_counted_as_the_phone_company_does(text, segments):
    assert sms_segments(text) == segments
