"""Units of measure as English writes and says them. Case matters: "Mb" is no "mb"."""

from __future__ import annotations

# signs | one | many (empty: one + s)
_TABLE = """
fm|femtometer|
pm|picometer|
nm|nanometer|
µm μm|micrometer|
mm|millimeter|
cm CM|centimeter|
dm|decimeter|
m|meter|
km KM Km kms|kilometer|
mm² mm2 mm^2|square millimeter|
cm² cm2 cm^2 sq_cm|square centimeter|
m² m2 m^2 sqm sq.m sq_m|square meter|
km² km2 km^2 sq_km|square kilometer|
mm³ mm3|cubic millimeter|
cm³ cm3 cm^3 cc|cubic centimeter|
dm³ dm3|cubic decimeter|
m³ m3 m^3|cubic meter|
km³ km3|cubic kilometer|
ft² ft2 sq.ft sqft sq_ft|square foot|square feet
in² in2 sq_in|square inch|square inches
yd² sq_yd|square yard|
mi² sq_mi|square mile|
yd³ cu_yd|cubic yard|
ft³ cu_ft|cubic foot|cubic feet
in³ cu_in|cubic inch|cubic inches
ft|foot|feet
inch|inch|inches
yd yds|yard|
mi|mile|
nmi|nautical mile|
ly|light year|
AU|astronomical unit|
km/h kph kmh km/hr|kilometer per hour|kilometers per hour
km/s|kilometer per second|kilometers per second
m/s|meter per second|meters per second
m/s² m/s2 m/s^2|meter per second squared|meters per second squared
ft/s|foot per second|feet per second
mph|mile per hour|miles per hour
mpg|mile per gallon|miles per gallon
kn kts|knot|
ng|nanogram|
µg μg mcg|microgram|
mg|milligram|
g gr|gram|
kg kgs KG Kg KGS|kilogram|
lb lbs LB LBS Lbs|pound|
oz OZ|ounce|
st|stone|stone
fl_oz|fluid ounce|
µl μl µL μL|microliter|
ml mL ML|milliliter|
cl cL|centiliter|
dl dL|deciliter|
l L ℓ|liter|
hl hL|hectoliter|
gal gals|gallon|
qt qts|quart|
pt|pint|
pts|point|
tbsp tbs Tbsp tbsps|tablespoon|
tsp tsps|teaspoon|
doz|dozen|dozen
ps|picosecond|
ns|nanosecond|
µs μs|microsecond|
ms msec|millisecond|
s sec secs|second|
min mins MINS Mins|minute|
h hr hrs HRS Hrs|hour|
wk wks|week|
mo mos|month|
yr yrs|year|
bit|bit|
kB KB kb Kb|kilobyte|
MB mb|megabyte|
GB gb Gb|gigabyte|
TB tb|terabyte|
PB|petabyte|
EB|exabyte|
KiB|kibibyte|
MiB|mebibyte|
GiB|gibibyte|
TiB|tebibyte|
kbps kbit/s kb/s Kbps|kilobit per second|kilobits per second
Mbps Mbit/s Mb/s mbps|megabit per second|megabits per second
Gbps Gbit/s Gb/s gbps|gigabit per second|gigabits per second
KB/s kB/s|kilobyte per second|kilobytes per second
MB/s MBps|megabyte per second|megabytes per second
GB/s|gigabyte per second|gigabytes per second
Mbit|megabit|
Gbit|gigabit|
MP|megapixel|
Hz|hertz|hertz
kHz|kilohertz|kilohertz
MHz|megahertz|megahertz
GHz|gigahertz|gigahertz
THz|terahertz|terahertz
dB|decibel|
dBA|decibel A|decibels A
mW|milliwatt|
W|watt|
kW|kilowatt|
MW|megawatt|
GW|gigawatt|
TW|terawatt|
Wh|watt hour|
kWh kW_h|kilowatt hour|
MWh|megawatt hour|
GWh|gigawatt hour|
TWh|terawatt hour|
V|volt|
kV|kilovolt|
mV|millivolt|
A|amp|
mA|milliamp|
Ah|amp hour|
mAh|milliamp hour|
Ω ohm|ohm|
kΩ|kilohm|
MΩ|megohm|
µF μF|microfarad|
F|farad|
nF|nanofarad|
pF|picofarad|
J|joule|
kJ|kilojoule|
MJ|megajoule|
eV|electronvolt|
keV|kiloelectronvolt|
MeV|megaelectronvolt|
GeV|gigaelectronvolt|
N|newton|
kN|kilonewton|
Nm N_m|newton meter|
kcal|kilocalorie|
cal|calorie|
BTU|B T U|
Pa|pascal|
hPa|hectopascal|
kPa|kilopascal|
MPa|megapascal|
GPa|gigapascal|
bar|bar|
mbar|millibar|
atm|atmosphere|
inHg|inch of mercury|inches of mercury
mmHg mm_Hg|millimeter of mercury|millimeters of mercury
psi|pound per square inch|pounds per square inch
rpm RPM|revolution per minute|revolutions per minute
fps FPS|frame per second|frames per second
bpm BPM|beat per minute|beats per minute
wpm|word per minute|words per minute
dpi|dot per inch|dots per inch
ppi|pixel per inch|pixels per inch
ppm|part per million|parts per million
ppb|part per billion|parts per billion
bps|basis point|
pct|percent|percent
px|pixel|
ha|hectare|
ac|acre|
hp|horsepower|horsepower
mol|mole|
mmol|millimole|
µmol μmol|micromole|
mEq|milliequivalent|
IU|international unit|
Gy|gray|gray
mGy|milligray|milligray
T|tesla|tesla
mT|millitesla|millitesla
kVA|kilovolt ampere|
VA|volt ampere|
dBm|decibel milliwatt|decibel milliwatts
kWp|kilowatt peak|kilowatts peak
MWp|megawatt peak|megawatts peak
ft-lb ft_lb lb-ft lbf_ft|foot pound|
kgf|kilogram force|kilograms force
kN|kilonewton|
rad|radian|
mrad|milliradian|
kbar|kilobar|
t|tonne|
kt|kiloton|
Mt|megaton|
Gt|gigaton|
bbl|barrel|
pkg pkgs|package|
doz.|dozen|dozen
PB/s|petabyte per second|petabytes per second
Tbps Tbit/s|terabit per second|terabits per second
mi/h|mile per hour|miles per hour
mm/h|millimeter per hour|millimeters per hour
mL/min ml/min|milliliter per minute|milliliters per minute
L/min l/min|liter per minute|liters per minute
gpm|gallon per minute|gallons per minute
cfm|cubic foot per minute|cubic feet per minute
M|molar|molar
mM|millimolar|millimolar
µM μM|micromolar|micromolar
nM|nanomolar|nanomolar
lm|lumen|
lx|lux|lux
cd|candela|
Bq|becquerel|
Sv|sievert|
mSv|millisievert|
°C ℃|degree Celsius|degrees Celsius
°F ℉|degree Fahrenheit|degrees Fahrenheit
°K|degree Kelvin|degrees Kelvin
°|degree|
"""

UNITS: dict[str, tuple[str, str]] = {
    sign.replace("_", " "): (one, many or one + "s")
    for signs, one, many in (line.split("|") for line in _TABLE.strip().splitlines())
    for sign in signs.split()
}

# Units of one letter that are something else too: only where more than a number says that a measure is meant.
DOUBTFUL = frozenset(
    (
        "A",
        "F",
        "M",
        "N",
        "st",
        "ac",
        "pt",
        "cd",
        "bit",
        "bar",
        "kb",
        "kt",
        "mo",
        "pts",
        "gr",
        "AU",
        "MP",
        "T",
        "t",
        "rad",
    )
)

PERIODS = {
    **{name: name for name in "second minute hour day night week month quarter year person head unit item piece "
       "share user seat ticket mile gallon liter litre pound ounce kilo page word bottle box".split()},
    "sec": "second",
    "min": "minute",
    "hr": "hour",
    "h": "hour",
    "d": "day",
    "wk": "week",
    "mo": "month",
    "mth": "month",
    "qtr": "quarter",
    "yr": "year",
    "y": "year",
    "ea": "item",
    "pp": "person",
    "pers": "person",
}  # fmt: skip
"""What a price or rate may be for, after a slash."""

LENGTH_WORDS = "wide|long|tall|deep|thick|high|across|diameter|screen|display|pizza|pipe|nail|margin|rain|snow"
