"""Signs of units and currencies, the same in every language, and what Unicode's CLDR calls them."""

from __future__ import annotations

CURRENCIES = {
    sign.replace("_", " "): code
    for code, signs in (
        pair.split("=", 1)
        for pair in (
            "EUR=€ USD=$,US$,US_$,$US,$_US,$_USA GBP=£ JPY=¥,JP¥ CNY=CN¥,RMB INR=₹ KRW=₩ RUB=₽,руб. TRY=₺ ILS=₪ "
            "UAH=₴ VND=₫ THB=฿ NGN=₦ "
            "PHP=₱ KZT=₸ GEL=₾ BRL=R$ MXN=MX$ CAD=CA$,C$,$_CA,$_CAN AUD=A$ NZD=NZ$ HKD=HK$ SGD=S$ TWD=NT$ "
            "PLN=zł CZK=Kč "
            "CHF=SFr.,Fr.,sFr. PEN=S/.,S/ CRC=₡ PYG=₲ AZN=₼ GHS=₵ MNT=₮ BDT=৳ HUF=Ft ISK= "
            "SEK= NOK= DKK= HUF= RON=lei BGN=лв. IDR=Rp ZAR= AED= SAR= EGP= ARS= CLP= COP= MAD="
        ).split()
    )
    for sign in (code, *filter(None, signs.split(",")))
}

UNITS = {
    sign.replace("_", " "): unit
    for unit, signs in (
        line.split("=", 1)
        for line in (
            "length-nanometer=nm length-micrometer=µm,μm length-millimeter=mm length-centimeter=cm length-decimeter=dm "
            "length-meter=m length-kilometer=km length-mile=mi length-foot=ft "
            "area-square-meter=m²,m2,qm "
            "area-square-kilometer=km²,km2 area-square-centimeter=cm²,cm2 area-hectare=ha volume-cubic-meter=m³,m3 "
            "volume-cubic-centimeter=cm³,cm3 volume-liter=l,L volume-milliliter=ml,mL volume-centiliter=cl,cL "
            "volume-deciliter=dl volume-hectoliter=hl mass-microgram=µg,μg mass-milligram=mg mass-gram=g "
            "mass-kilogram=kg "
            "mass-tonne=t mass-pound=lb,lbs mass-ounce=oz duration-millisecond=ms duration-second=s,sec,sec.,"
            "seg,seg.,Sek.,Sek "
            "duration-minute=min,mn,Min.,Min duration-hour=h,hrs,Std.,Std speed-kilometer-per-hour=km/h,km/u "
            "speed-meter-per-second=m/s acceleration-meter-per-square-second=m/s²,m/s2 "
            "speed-mile-per-hour=mph digital-kilobyte=kB,KB digital-megabyte=MB,Mo digital-gigabyte=GB,Go "
            "digital-terabyte=TB,To digital-megabit=Mbit digital-gigabit=Gbit frequency-hertz=Hz "
            "frequency-kilohertz=kHz "
            "frequency-megahertz=MHz frequency-gigahertz=GHz power-milliwatt=mW power-watt=W power-kilowatt=kW "
            "power-megawatt=MW power-gigawatt=GW power-horsepower=PS,CV,cv,ch energy-kilowatt-hour=kWh energy-joule=J "
            "energy-kilojoule=kJ energy-kilocalorie=kcal energy-calorie=cal electric-volt=V electric-ampere=A "
            "electric-milliampere=mA electric-ohm=Ω pressure-hectopascal=hPa pressure-bar=bar pressure-pascal=Pa "
            "pressure-kilopascal=kPa temperature-celsius=°C,℃ temperature-fahrenheit=°F,℉ temperature-kelvin=K "
            "angle-degree=° graphics-pixel=px concentr-part-per-1e6=ppm "
            "consumption-liter-per-100-kilometer=l/100km,l/100_km,L/100km,L/100_km "
            "volume-cubic-decimeter=dm³  area-square-millimeter=mm² volume-cubic-kilometer=km³ "
            "power-megawatt=MWp power-kilowatt=kWp digital-petabyte=PB pressure-millibar=mbar "
            "pressure-megapascal=MPa force-newton=N torque-newton-meter=Nm graphics-megapixel=MP length-light-year=ly "
            "light-lux=lx light-lumen=lm digital-kilobit=kbit digital-byte=Byte concentr-mole=mol "
            "energy-electronvolt=eV "
            "speed-knot=kn length-nautical-mile=sm graphics-dot-per-inch=dpi"
        ).split()
    )
    for sign in signs.split(",")
}
# Signs that are words or letters too: only with a space before them they are units.
DOUBTFUL = frozenset(("A", "K", "J", "ch", "N", "CV", "cv", "sm", "cs", "cc"))
