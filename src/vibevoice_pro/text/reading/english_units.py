"""What stands next to a number in English, and how it is said."""

from __future__ import annotations

from vibevoice_pro.text.reading.rules import table

UNITS = table(
    """km kilometer, m meter, dm decimeter, cm centimeter, mm millimeter, nm nanometer
    μm micrometer, mi mile, yd yard, yds yard, ft foot
    sq_ft square foot, sq_m square meter, sq_km square kilometer, sq_mi square mile, ha hectare
    kg kilogram, g gram, mg milligram, μg microgram, lb pound, lbs pound, oz ounce
    L liter, l liter, dl deciliter, cl centiliter, mL milliliter, ml milliliter, tsp teaspoon
    tbsp tablespoon, yr year, yrs year
    h hour, hr hour, hrs hour, min minute, mins minute, s second, sec second, secs second
    ms millisecond, μs microsecond, ns nanosecond
    mph mile per hour, kph kilometer per hour, kmh kilometer per hour, rpm revolution per minute
    fps frame per second, bpm beat per minute, dpi dot per inch, px pixel
    Hz hertz, kHz kilohertz, MHz megahertz, GHz gigahertz, THz terahertz, dB decibel
    kB kilobyte, KB kilobyte, MB megabyte, GB gigabyte, TB terabyte, PB petabyte
    KiB kibibyte, MiB mebibyte, GiB gibibyte, TiB tebibyte, kbit kilobit, Mbit megabit
    Gbit gigabit, kbps kilobit per second, Mbps megabit per second, Gbps gigabit per second
    V volt, mV millivolt, kV kilovolt, mA milliampere, mAh milliampere-hour, Ah ampere-hour
    W watt, mW milliwatt, kW kilowatt, MW megawatt, GW gigawatt, Wh watt-hour
    kWh kilowatt-hour, MWh megawatt-hour, GWh gigawatt-hour, hp horsepower
    J joule, kJ kilojoule, MJ megajoule, cal calorie, kcal kilocalorie
    Pa pascal, hPa hectopascal, kPa kilopascal, psi pound per square inch
    Ω ohm, kΩ kilohm, ppm part per million, mol mole
    °C degree Celsius, °F degree Fahrenheit, ° degree, % percent, ‰ per mille"""
)
"""Unit to its name. Not here: what is more often a word or a label (in, A, K, t)."""

_UNCHANGED = {"hertz", "kilohertz", "megahertz", "gigahertz", "terahertz", "horsepower"}
_UNCHANGED |= {"percent", "per mille"}
_IRREGULAR = {"foot": "feet", "inch": "inches", "penny": "pence", "paisa": "paise"}

CURRENCIES = {
    "$": ("dollar", "cent"), "US$": ("US dollar", "cent"), "USD": ("US dollar", "cent"),
    "CA$": ("Canadian dollar", "cent"), "C$": ("Canadian dollar", "cent"),
    "CAD": ("Canadian dollar", "cent"), "A$": ("Australian dollar", "cent"),
    "AU$": ("Australian dollar", "cent"), "AUD": ("Australian dollar", "cent"),
    "NZ$": ("New Zealand dollar", "cent"), "HK$": ("Hong Kong dollar", "cent"),
    "€": ("euro", "cent"), "EUR": ("euro", "cent"), "£": ("pound", "penny"),
    "GBP": ("pound", "penny"), "CHF": ("Swiss franc", "centime"), "R$": ("real", "centavo"),
    "₹": ("rupee", "paisa"), "INR": ("rupee", "paisa"), "₽": ("ruble", "kopek"),
    "¥": ("yen", ""), "JPY": ("yen", ""), "CNY": ("yuan", ""), "RMB": ("yuan", ""),
    "₩": ("won", ""), "KRW": ("won", ""), "₿": ("bitcoin", ""),
}  # fmt: skip
"""Sign or code to the name of the money and of its hundredth; those without one have no plural."""

SCALES = table(
    """hundred hundred, thousand thousand, million million, billion billion, trillion trillion
    k thousand, K thousand, m million, M million, mn million, mln million, mm million
    bn billion, B billion, b billion, tn trillion, T trillion"""
)
"""What may follow an amount of money; after other numbers, the words alone."""

COUNTED = frozenset(
    """people persons men women children students pupils teachers workers employees users members
    visitors patients soldiers passengers items things words characters letters tokens lines pages
    files books copies songs votes points jobs homes houses seats rooms steps times days hours
    minutes seconds years months weeks miles meters metres kilometers kilometres feet inches yards
    acres pounds kilograms grams tons tonnes liters litres gallons calories watts volts bytes bits
    pixels degrees percent dollars euros cents pence yen
    hundred thousand million billion trillion""".split()
)
"""A number before one of these is no year."""

MONTHS = table(
    """Jan January, Feb February, Mar March, Apr April, May May, Jun June, Jul July, Aug August
    Sep September, Oct October, Nov November, Dec December"""
)

LABELS = table("no number, p page, pp pages, fig figure, vol volume, ch chapter, eq equation")
"""Abbreviations that are these words before a number."""

SIGNS = table(
    """<= less than or equal to, >= greater than or equal to, != is not equal to, == equals
    -> to, => implies, = equals, ≠ is not equal to, ≈ approximately, ≡ is equivalent to
    ∝ is proportional to, ≤ less than or equal to, ≥ greater than or equal to
    − minus, ± plus or minus, ∓ minus or plus, × times, ⋅ times, ÷ divided by
    √ the square root of, ∛ the cube root of, ∞ infinity, ∅ the empty set
    ∑ the sum of, ∏ the product of, ∫ the integral of, ∂ partial, ∇ nabla, ∈ in, ∉ not in
    ⊂ is a subset of, ⊆ is a subset of, ∪ union, ∩ intersection, ∀ for all, ∃ there is
    → to, ← from, ↔ to and from, ⇒ implies, ⇔ if and only if, §§ sections, § section"""
)
"""Signs as they are said wherever they stand, where the grammars say another word or none."""

LEFT = table(
    """% percent, ° degrees, $ dollar, € euro, £ pound, ¥ yen, ¢ cent, ₹ rupee, ₩ won, ₽ ruble
    ₿ bitcoin, ^ to the power of, + plus, @ at, # number, & and"""
)
"""Signs as they are said where no reading has taken them."""

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρςστυφχψω",
        """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho
        sigma sigma tau upsilon phi chi psi omega""".split(),
        strict=True,
    )
)
"""Small letters; a Greek letter by itself is a name in a formula."""


def plural(name: str) -> str:
    """Plural of a unit or a currency: `square feet`, `miles per hour`, `degrees Celsius`."""
    if name in _UNCHANGED:
        return name
    for rest in (" per ", " Celsius", " Fahrenheit"):
        head, found, tail = name.partition(rest)
        if found:
            return f"{plural(head)}{rest}{tail}"
    head, space, last = name.rpartition(" ")
    return head + space + _IRREGULAR.get(last, last + "s")


def ordinal_suffix(number: int) -> str:
    """`st` of `21st`."""
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
