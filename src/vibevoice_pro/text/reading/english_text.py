"""English readings of words: capitals, abbreviations, Roman numerals, names in code, addresses."""

from __future__ import annotations

import re

from vibevoice_pro.text.reading import roman
from vibevoice_pro.text.reading.english_units import ordinal_suffix
from vibevoice_pro.text.reading.rules import Readings, any_of, before

TEXT = Readings()

ACRONYMS = frozenset(
    """NASA NATO UNESCO UNICEF OPEC ASEAN FIFA UEFA INTERPOL AIDS LASER UN EU UK USA US UAE USSR
    FBI CIA NSA BBC CNN CBS NBC ABC HBO ESPN CEO CFO CTO COO HR PR IT AI API APIS URL HTML CSS SQL
    PDF CPU GPU RAM ROM USB HDMI LED LCD OLED DNA RNA HIV COVID MRI CT ICU ER GDP GNP IMF WTO WHO
    IRS SEC FDA EPA FAA DOJ NYPD LAPD NYC LA DC UCLA MIT NYU IBM AMD HP BMW GM KFC AT&T NBA NFL MLB
    NHL UFC IOC MVP DIY FAQ ASAP RSVP PM AM BC AD GMT UTC EST PST TV DVD CD VIP ID PIN ATM GPS SMS
    OK MBA PHD""".split()
)
"""Not lower-cased among words in capitals."""

_AMBIGUOUS = {"US", "IT", "WHO", "ER", "AM", "AD", "OK", "LA", "PIN", "SEC", "LASER"}
_VOWEL = re.compile("[AEIOUY]")
_SHOUTED = re.compile(r"[A-Z][A-Z'’]*")


@TEXT.of(r"(?<![\w'’-])[A-Z][A-Z'’]{0,30}(?:[,;:]?[ \n-][A-Z][A-Z'’]{0,30}){2,60}(?![\w-])")
def _capitals(m: re.Match[str]) -> str:
    """Three words and more in capitals are shouted or a headline, not all of them acronyms."""
    ordinary = sum(map(_is_word, _SHOUTED.findall(m.group())))
    if ordinary < 2:
        return m.group()
    return _SHOUTED.sub(
        lambda w: w.group().lower() if _is_word(w.group()) else w.group(), m.group()
    )


def _is_word(capitals: str) -> bool:
    """Whether this is a word in capitals rather than an acronym."""
    if capitals in ACRONYMS and capitals not in _AMBIGUOUS:
        return False
    return (len(capitals) > 1 and _VOWEL.search(capitals) is not None) or capitals == "A"


@TEXT.of(r"(?<![\w@/.-])[A-Za-z]{1,20}(?:_[A-Za-z]{0,20}\d{0,9}){1,20}(?![\w@/])")
def _snake_case(m: re.Match[str]) -> str:
    return re.sub(r"(?<=[A-Za-z])(?=\d)", " ", m.group().replace("_", " ")).strip()


@TEXT.of(r"(?<=\w)\(([\"'])([^\"'()]{0,80})\1\)(?=\s|$)")
def _call(m: re.Match[str]) -> str:
    """`print('hello')`."""
    return f" {m[2]}."


_FILES = """pdf txt md csv json xml yaml yml html css js ts py java cpp rs go sh exe zip tar gz png
jpg jpeg gif svg webp mp3 mp4 wav ogg flac doc docx xls xlsx ppt pptx log ini cfg toml""".split()


@TEXT.of(rf"(?<=\w)\.({any_of(_FILES)})(?![\w/@])")
def _file_name(m: re.Match[str]) -> str:
    return f" dot {m[1].upper() if len(m[1]) < 4 else m[1]}"


_TITLES = {
    "Mr": "Mister", "Mrs": "Misses", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor",
    "St": "Saint", "Mt": "Mount", "Ft": "Fort", "Gen": "General", "Gov": "Governor",
    "Sen": "Senator", "Rep": "Representative", "Capt": "Captain", "Lt": "Lieutenant",
    "Col": "Colonel", "Sgt": "Sergeant", "Cmdr": "Commander", "Rev": "Reverend",
    "Hon": "Honorable", "Pres": "President", "Supt": "Superintendent", "Cpl": "Corporal",
    "Maj": "Major", "Adm": "Admiral", "Fr": "Father", "Msgr": "Monsignor",
}  # fmt: skip
_STREET = re.compile(r"\d (?:[A-Z][\w'’-]{0,30} ){1,4}$")
_NEEDS_STOP = {"St", "Gen", "Rep", "Col", "Rev", "Hon", "Pres", "Maj", "Adm", "Fr", "Ft", "Mt"}


@TEXT.of(rf"(?<![\w.])({any_of(_TITLES)})(\.?) (?=[A-Z])")
def _title(m: re.Match[str]) -> str:
    """`St. Louis`; not `No. 5 Elm St. It …`."""
    if (not m[2] and m[1] in _NEEDS_STOP) or (m[1] == "St" and _STREET.search(before(m))):
        return m.group()
    return _TITLES[m[1]] + " "


_ABBREVIATIONS = {
    "Mr.": "Mister", "Mrs.": "Misses", "Ms.": "Miz", "Jr.": "Junior", "Sr.": "Senior",
    "St.": "Street", "Dr.": "Drive",
    "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Ln.": "Lane", "Hwy.": "Highway",
    "Pkwy.": "Parkway", "Apt.": "Apartment", "Bldg.": "Building", "Ltd.": "Limited",
    "Inc.": "Incorporated", "Corp.": "Corporation", "Co.": "Company", "Bros.": "Brothers",
    "Dept.": "Department", "Univ.": "University", "Assn.": "Association", "Govt.": "Government",
    "approx.": "approximately", "est.": "established", "vs.": "versus", "vs": "versus",
    "eds.": "editors", "Prof.": "Professor", "Gov.": "Governor", "Sen.": "Senator",
    "Capt.": "Captain", "Sgt.": "Sergeant", "Atty.": "Attorney", "cf.": "compare",
    "e.g.": "for example", "i.e.": "that is", "et al.": "et al", "etc.": "et cetera",
    "Jan.": "January", "Feb.": "February", "Apr.": "April", "Aug.": "August",
    "Sept.": "September", "Oct.": "October", "Nov.": "November", "Dec.": "December",
    "Tues.": "Tuesday", "Thurs.": "Thursday", "w/": "with", "w/o": "without",
    "aka": "also known as", "BTW": "by the way", "IMO": "in my opinion", "TBD": "to be determined",
}  # fmt: skip


@TEXT.of(rf"(?<![\w.@/])({any_of(_ABBREVIATIONS)})(?![\w@/])")
def _abbreviation(m: re.Match[str]) -> str:
    """In full; a full stop at the end of the text ends the sentence as well."""
    ends = m[1].endswith(".") and m.end() == len(m.string)
    return _ABBREVIATIONS[m[1]] + "." * ends


_ROMAN = rf"({roman.NUMERAL})(?![\w'’-])"
_COUNTED = """Chapter Part Act Scene Section Volume Vol Book Phase Article Appendix Figure Table
Title War Mark Type Level Stage Class Grade Round Bowl Apollo Gemini Fantasy Episode Rocky Schedule
Annex Category Tier Division Unit Lesson Module Step Day Week""".split()
_REIGNED = """Pope King Queen Emperor Prince Tsar Henry Louis Edward George William Charles James
Richard Elizabeth Napoleon Pius Benedict Leo Paul Ramses Frederick Philip Alexander Nicholas Peter
Catherine Ivan Umberto Emmanuel Gustav Christian Ferdinand Francis John Robert David Mary Margaret
Innocent Gregory Clement Urban Sixtus Boniface Otto Carl Karl Haakon Harald Rama Ptolemy Cleopatra
Darius Xerxes Constantine Basil Leopold Albert Alfonso Pedro Sam Thomas Sancho Joseph Maximilian
Juan Felipe Carlos Harold Stephen Edmund Malcolm Kenneth Ludwig Wilhelm Friedrich Franz""".split()


@TEXT.of(
    rf"(?<!\w)((?:{'|'.join(_COUNTED)}|{'|'.join(map(str.upper, _COUNTED))}) )(?=[IVXLC]){_ROMAN}"
)
def _counted_roman(m: re.Match[str]) -> str:
    return f"{m[1]}{roman.value(m[2])}" if m[2] else m.group()


@TEXT.of(rf"(?<!\w)((?:{'|'.join(_REIGNED)}) )(?=[IVXLC]){_ROMAN}")
def _reigned_roman(m: re.Match[str]) -> str:
    """`Henry VIII`; not `Mary I know`."""
    number = roman.value(m[2])
    if not number or (m[2] == "I" and re.match(r" [a-z]", m.string[m.end() :][:2])):
        return m.group()
    return f"{m[1]}the {number}{ordinal_suffix(number)}"


@TEXT.of(rf"(?<=[a-z] )(?<!\bI )(?=[IVX]{{2}}){_ROMAN}")
def _other_roman(m: re.Match[str]) -> str:
    return str(roman.value(m[1])) if roman.value(m[1]) > 1 else m.group()
