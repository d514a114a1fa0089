"""Whether somebody asks not to be written to any more, or asks to be written to again."""

import re
import unicodedata


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The keywords of gateways and regulators (reliability, section 5, row 21), and what people write in other languages.
STOP = _set(
    "stop stopall unsubscribe cancel end quit revoke optout remove arret"
    " stopp abmelden abbestellen beenden"
    " alto parar pare baja darsedebaja dardebaja darmedebaja cancelar cancela desuscribir eliminar"
    " desabonner desinscrire desinscription"
    " sair cancelarinscricao ferma basta disiscrivi annulla afmelden uitschrijven stoppen"
    " stopplease"
)
START = _set("start unstop optin subscribe")

# Said with it, these change nothing: "Please STOP, thanks", "stop all messages now".
_COURTESY = _set(
    "please pls plz thanks thank you thx now all me us it the these those your my this"
    " message messages msg msgs text texts texting texted mail mails email emails emailing mailing sms list from to"
    " sending writing contacting calling"
    " porfavor por favor gracias bitte danke merci svp s il vous plait grazie obrigado obrigada a la las los de"
)
_LONGEST = 12  # words; whoever writes more has something else to say as well

# In a sentence of its own, this may mean the same: a person must look.
_MAY_MEAN = re.compile(
    r"\b(unsubscribe|opt(ing)?[ -]?out|stop (texting|emailing|e-mailing|mailing|writing|contacting|messaging|sending)"
    r"|(do not|don'?t|dont|never) (text|email|e-mail|mail|write|contact|message|call)"
    r"|(take|remove|delete) (me|us|my|our)\b.{0,40}\b(list|number|address|email|off)"
    r"|leave (me|us) alone|no more (texts|emails|e-mails|mails|messages)"
    r"|no me (escriban?|manden?|llamen?)|dejen? de (escribir|mandar))",
    re.IGNORECASE,
)
LONGEST_READ = 5_000  # characters that are looked at


def asks_to_stop(text: str) -> bool:
    """True if the first line says so and nothing else; or, in one line, a keyword with no more than courtesy."""
    return _is_only(_first_line(text), STOP)


def asks_to_start(text: str) -> bool:
    """True if the first line is a word that takes an opt-out back."""
    return _is_only(_first_line(text), START)


def may_mean_stop(text: str) -> bool:
    """True if somebody says in words of their own what may be meant as an opt-out."""
    return _MAY_MEAN.search(" ".join(text[:LONGEST_READ].split())) is not None


def _first_line(text: str) -> str:
    return next((line for line in text[:LONGEST_READ].splitlines() if _words(line)), "")


def _is_only(line: str, keywords: frozenset[str]) -> bool:
    words = _words(line)
    if not words or len(words) > _LONGEST:
        return False
    if "".join(words) in keywords:  # OPT-OUT, S.T.O.P., stop all
        return True
    rest = [word for word in words if word not in _COURTESY]
    return bool(rest) and ("".join(rest) in keywords or all(word in keywords for word in rest))


def _words(line: str) -> list[str]:
    """The words without accents, capitals, punctuation, pictures and what cannot be seen."""
    plain = unicodedata.normalize("NFKD", line).casefold()
    letters = "".join(
        "" if unicodedata.category(char) in ("Mn", "Cf") else char if char.isalnum() else " " for char in plain
    )
    return letters.split()
