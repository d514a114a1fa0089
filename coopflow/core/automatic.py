"""Whether a mail was written by a machine: a vacation notice is no answer, and no opt-out."""

import re
from collections.abc import Mapping

_ALWAYS = (  # headers that no person's mail has
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-reply",
    "x-mail-autoreply",
    "x-fc-machinegenerated",
    "list-id",
    "feedback-id",
)
_BY_MACHINES = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
_SUBJECT = re.compile(
    r"\s*((auto(matic|mated|matische|matisch)?[ -]?(reply|response|respon[ds]er|antwort|antwoord))"
    r"|autoreply|auto:|out of (the )?office|i am (currently )?(away|out of)|away from (the|my) (office|desk)"
    r"|on (vacation|annual leave|maternity leave|parental leave)|vacation (reply|response|notice)"
    r"|abwesenheit(snotiz|sassistent)?\b|nicht im (b(ü|ue)ro|haus)|ich bin nicht"
    r"|respuesta autom(á|a)tica|fuera de (la )?oficina|ausente|de vacaciones"
    r"|r(é|e)ponse automatique|absence (du bureau|de)|absent(e)? du bureau|message d'absence"
    r"|risposta automatica|fuori (sede|ufficio)|resposta autom(á|a)tica|automatisch antwoord|afwezig)",
    re.IGNORECASE,
)


def written_by_a_machine(headers: Mapping[str, str]) -> bool:
    """Judge by the headers, whose names are in small letters: RFC 3834 first, then the customs from before it."""
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    if submitted not in ("no", ""):
        return True
    if any(name in headers for name in _ALWAYS):
        return True
    if headers.get("precedence", "").strip().lower() in _BY_MACHINES:
        return True
    if "autoresponder" in headers.get("x-post-messageclass", "").lower():
        return True
    return _SUBJECT.match(headers.get("subject", "")) is not None
