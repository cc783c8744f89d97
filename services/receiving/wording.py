"""What automatic mails say, in German and English: the words kinds are told apart by. Pure."""

import re

_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


def any_of(*alternatives: str) -> re.Pattern[str]:
    """Return a pattern for any of several, in any case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


ABSENCE = any_of(
    r"abwesen(?:d|heit)",
    r"\b\w{0,20}(?:urlaub|ferien)\w{0,6}\b",
    r"\b(?:sommer|winter|baby|zwangs)?pause\b|\bauszeit\b|\bsabbatical\b",
    r"nicht\s(?!mehr\b)(?:\S+\s){0,4}?(?:im\s(?:büro|haus|hause|dienst)|in\s(?:der|unserer"
    r"|meiner)\spraxis|am\s(?:platz|arbeitsplatz)"
    r"|anwesend|erreichbar|zu\serreichen|verfügbar|besetzt|da)\b",
    r"au(?:ß|ss)er\shaus|dienstreise|auf\sreisen|verreist|elternzeit|mutterschutz|krankgeschrieben|erkrankt",
    r"krankheits(?:bedingt|halber)|wegen\s(?:\S+\s)?krankheit|\bin\s(?:der\s)?(?:kur|reha)\b|fortbildung"
    r"|kongress|\btagung",
    r"(?:haben|hat|ist|bleibt)\s(?:\S+\s){0,6}?zu(?=[.!,]|$)",
    r"geschlossen\b(?!\sworden)|\bpraxisschlie(?:ß|ss)ung",
    r"wieder\s(?:\S+\s){0,5}?(?:für\ssie\sda|da\b|erreichbar|im\s(?:büro|hause?|dienst)|in\sder\spraxis"
    r"|zurück|besetzt)",
    r"\brückkehr|bin\sich\s(?:\S+\s){0,4}?zurück",
    r"kein(?:en)?\szugriff\sauf\s(?:\S+\s)?(?:e-?)?mail",
    r"out\sof\s(?:the\s|my\s)?office|\booo\b|away\s(?:from|until|on|for|at)\b|\bon\s(?:\w+\s)?leave\b"
    r"|\bon\s(?:\w+\s)?(?:vacation|holidays?)\b",
    r"\b(?:am|are|be)\s(?:currently\s|now\s)?away\b|not\s(?:currently\s)?(?:in|at)\s(?:the"
    r"|my)\s(?:office|desk|practice)",
    r"(?:office|practice|clinic)\s(?:is|will\sbe|remains)\s(?:\w+\s)?closed|closed\s(?:until|from|for|due)",
    r"(?:on|upon|after)\smy\sreturn|when\sI(?:\sam|'m)\sback|\bback\s(?:in|at|on)\b"
    r"|\breturn(?:ing)?\s(?:to|on)\b",
    r"limited\saccess\sto|\bunavailable\b|not\s(?:be\s)?available\b|travell?ing\b",
)
ABSENCE_SUBJECT = any_of(
    r"abwesen(?:d|heit)",
    r"out[\s-]of[\s-](?:the\s)?office|\booo\b|\baway\b|vacation|on\sleave",
    r"nicht\sim\sbüro|im\surlaub|\bbetriebsferien|praxisurlaub|praxisferien|(?:praxis"
    r"|büro)\s\S*\s?geschlossen|urlaub",
)
AUTOMATIC_SUBJECT = re.compile(
    r"\s*(?:\[?(?:automatisch\S*\s(?:antwort|nachricht)|auto(?:matic|mated)?[\s-]?(?:reply|response"
    r"|antwort)|autoreply"
    r"|autoresponder|auto|(?:automatische\s)?abwesenheits(?:notiz|meldung|nachricht|info"
    r"|benachrichtigung|assistent)"
    r"|out\sof\s(?:the\s)?office(?:\s(?:auto)?reply)?|ooo)\]?\s?:)",
    re.IGNORECASE,
)
_EVERY_DAY = any_of(
    r"au(?:ß|ss)erhalb\s(?:\S+\s){0,3}?(?:\S*zeiten|\S*stunden)|während\s(?:\S+\s){0,4}?(?:sitzung"
    r"|sprechstunde|therapie|behandlung)",
    r"sollte[nst]?\b|\bfalls\b|\bwenn\b.{0,40}(?:urlaub|abwesend)|urlaubszeit|ferienzeit|verzöger"
    r"|länger\sdauern|wartezeit",
    r"outside\s(?:\S+\s){0,2}?hours|during\s(?:sessions|therapy)|an\sfeiertagen|mittwochs|freitags"
    r"|on\sweekends",
    r"anrufbeantworter|wochenende|anderen\szeiten|\bmeist|\boft\b|häufig|selten|in\sder\sregel"
    r"|nicht\simmer|warteliste",
)
RECEIPT = any_of(
    r"eingegangen|(?:nachricht|e-?mail|anfrage|schreiben|anliegen)\s(?:\S+\s){0,4}?(?:erhalten"
    r"|empfangen)|\b(?:eingangs|empfangs|lese)bestätigung",
    r"bestätigen\s(?:\S+\s){0,5}?(?:eingang|empfang|erhalt)|\bticket|vorgangsnummer|fallnummer"
    r"|bearbeitungsnummer",
    r"(?:werden|wird)\s(?:\S+\s){0,8}?(?:bearbeite|beantworte)|(?:übermittelt|weitergeleitet)\b"
    r"|schnellstmöglich|so\sbald\swie\smöglich|so\sschnell\swie\smöglich",
    r"(?:have|has)\s(?:been\s)?received|received\syour|your\s(?:request|case|ticket|message"
    r"|enquiry)\s(?:\S+\s){0,3}?(?:received|created|logged)",
    r"case\snumber|reference\snumber|as\ssoon\sas\spossible|get\sback\sto\syou",
)
AUTOMATIC = any_of(
    r"automatisch\s(?:generiert|erstellt|erzeugt|versendet|versandt|verschickt|gesendet)",
    r"automatische\s(?:antwort|nachricht|e-?mail|mail|bestätigung|eingangsbestätigung|rückmeldung)"
    r"|automatisierte\s",
    r"antworten\ssie\s(?:bitte\s)?nicht\s(?:direkt\s)?auf\sdiese|nicht\sauf\sdiese\s(?:e-?mail|nachricht"
    r"|mail)\s(?:\S+\s)?(?:antworten|zu\santworten)",
    r"this\sis\san\sauto|automatically\s(?:generated|created|sent)|auto[-\s]?generated"
    r"|automated\s(?:message|reply|response|email)",
    r"do\snot\sreply\sto\sthis|autoresponder",
)
FORMULA = any_of(
    r"(?:vielen|herzlichen|besten)?\s?dank\sfür\s(?:ihr|dein|eur)\w*\s(?:\S+\s)?(?:e-?mail|mail"
    r"|nachricht|anfrage|interesse|schreiben)",
    r"thank(?:s|\syou)\sfor\s(?:your|the|contacting)\b",
    r"in\s(?:sehr\s)?dringenden\s(?:\S+\s)?(?:fällen|angelegenheiten|notfällen)|in\snotfällen"
    r"|für\snotfälle|for\surgent|urgent\smatters|in\surgent",
    r"nicht\s(?:automatisch\s)?weitergeleitet|(?:not\sbe|isn't|not)\sforwarded|nach\smeiner\srückkehr"
    r"|(?:on|upon|after)\smy\sreturn",
    r"wenden\ssie\ssich|please\scontact|vertret(?:ung|en\s?durch)"
    r"|werde\s(?:ich\s)?(?:\S+\s){0,6}?(?:beantworten|lesen|bearbeiten)",
    r"will\s(?:\S+\s){0,2}?(?:answer|reply|respond)\b",
)
ANSWER = any_of(
    r"aufnehmen|aufnahme\b|\bnehme\b|übernehme|therapiepl[aä]tz|\bpl[aä]tze?\b|kapazität|warteliste"
    r"|erstgespräch",
    r"\bzusage|\babsage|\bablehn|absagen|zusagen|anbieten|vormerken|\bkönnte\sich|\bkann\sich"
    r"|\bkönnen\swir|\bkönnten\swir",
    r"rufen\ssie\smich|rufe\s(?:ich\s)?(?:sie|zurück)|telefonieren|besprechen|melde\smich\s(?:dann|danach)\b",
    r"\bwar(?:en)?\s(?:\S+\s){0,2}?(?:urlaub|krank|verreist)|späte\w?\santwort|erst\sjetzt|late\sreply"
    r"|\bwas\son\b",
    r"waiting\slist|capacity|\b(?:can|could)\s(?:take|offer|see)\b|\bspaces?\b|\bvacanc"
    r"|give\sme\sa\scall|call\sme\b",
)
DECISION = any_of(r"\bleider\b|\bgern|ausgebucht|\bvoll\b|freue\smich|unfortunately|\bhappy\sto|\bglad\sto")
CHALLENGE = any_of(
    r"(?:confirm|verify|prove|bestätig\w*)\s(?:\S+\s){0,10}?(?:human|a\sperson|not\sa\s(?:robot|spammer)"
    r"|mensch|kein\s(?:roboter|spam))",
    r"(?:bestätig\w*|klicken|confirm|click)\s(?:\S+\s){0,20}?(?:zugestellt|damit\sihre\s(?:nachricht"
    r"|e-?mail)\sankommt|delivered|to\sdeliver)",
    r"(?:first|one[-\s]time)\s(?:\S+\s){0,3}?(?:confirmation|verification)\s(?:\S+\s){0,4}?(?:sender"
    r"|email|message)",
    r"sender\sverification|absender(?:-|\s)?(?:verifizierung|bestätigung|überprüfung)"
    r"|challenge[-\s/]response|spamarrest|boxbe",
)
READ_RECEIPT_SUBJECT = re.compile(
    r"\s*(?:gelesen|read|lesebestätigung|empfangsbestätigung \(angezeigt\)"
    r"|return receipt(?: \(displayed\))?|read receipt"
    r"|ungelesen gelöscht|nicht gelesen|not read|deleted)\b\s?[:(-]",
    re.IGNORECASE,
)


def says_absent(text: str) -> bool:
    """Whether a text says that somebody is away for days, not just in between or if need be."""
    return any(
        ABSENCE.search(sentence) and not _EVERY_DAY.search(sentence) for sentence in _SENTENCES.split(text)
    )
