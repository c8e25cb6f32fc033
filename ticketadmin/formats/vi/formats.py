"""Vietnamese dates: day, month and year in digits, and a 24-hour clock. Numbers in groups of three digits."""

DATE_FORMAT = SHORT_DATE_FORMAT = "d/m/Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "d/m/Y H:i"
MONTH_DAY_FORMAT = "j F"
YEAR_MONTH_FORMAT = "F Y"
FIRST_DAY_OF_WEEK = 1
NUMBER_GROUPING = 3  # Django's own formats set only the separator
