"""Names of months and days: English ones whole, those of four languages by their beginnings. Pure."""

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# Parts of patterns. A month in English, whole or as it is abbreviated:
ENGLISH_MONTH = "|".join([*MONTHS, "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sept?", "oct", "nov", "dec"])
# The first three letters of a month in English, German, French or Spanish:
MONTH_BEGINNING = "jan|jän|ene|feb|fév|mar|mär|apr|avr|abr|may|jun|jul|aug|aoû|ago|sep|oct|okt|nov|dec|dez|déc|dic"
# Months whose first letters begin other words, as "mail" and "juice":
SHORT_MONTH = "mai|juin|juil"
ANY_MONTH = f"{MONTH_BEGINNING}|{SHORT_MONTH}"
ANY_DAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    r"|(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo)s?"
)
# Months whole, in English, German, French and Spanish:
MONTH_NAMES = (
    "january|february|march|april|may|june|july|august|september|october|november|december|januar|jänner|februar|märz"
    "|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    "|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
