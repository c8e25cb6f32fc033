"""Vietnamese dates: day, month, year in digits, and a clock of 24 hours. Numbers in groups of three."""

DATE_FORMAT = SHORT_DATE_FORMAT = "d/m/Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "d/m/Y H:i"
MONTH_DAY_FORMAT = "j F"
YEAR_MONTH_FORMAT = "F Y"
FIRST_DAY_OF_WEEK = 1
NUMBER_GROUPING = 3  # Django's own formats name the separator alone
