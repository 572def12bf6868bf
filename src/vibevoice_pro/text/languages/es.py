"""Spanish."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

SPANISH = Language(
    abbreviations=words(
        """sr sra sres sras srta d dª dña dr dra drs prof profa lic ing arq gral cap tte st sto sta
        av avda c ctra pl pza apdo dpto núm nº n pág págs p pp art arts vol vols fig figs ed eds
        aprox máx mín tel tfno ext etc ej cf vs ud uds vd vds ene feb mar abr may jun jul ago sep
        sept oct nov dic lun mié jue vie sáb dom"""
    ),
    conjunctions=words(
        """y e pero o u ni porque aunque mientras cuando donde como si que quien quienes cuyo cuya
        cual cuales sino pues luego entonces"""
    ),
    prepositions=words(
        """a al ante bajo con contra de del desde durante en entre hacia hasta mediante para por
        según sin sobre tras"""
    ),
    sticky=words(
        """el la los las lo un una unos unas este esta estos estas ese esa esos esas aquel aquella
        mi mis tu tus su sus nuestro nuestra vuestro vuestra no muy y e o pero a al de del en con
        por para sin sobre es son era eran yo tú él ella nosotros ellos ellas se me te nos sr sra dr
        dra"""
    ),
    before_numbers=words(
        """enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
        ene feb mar abr may jun jul ago sep sept oct nov dic usd eur gbp jpy chf mxn"""
    ),
)
