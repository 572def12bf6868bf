"""German."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

GERMAN = Language(
    abbreviations=words(
        """hr fr dr prof dipl ing mag st str pl nr bd abb abs abschn aufl ausg bzw ca evtl ggf inkl
        exkl zzgl max min mind std sek tel mio mrd usw usf etc vgl bspw sog geb gest jh jhdt hl kap
        anm hrsg verf zit ff vol vs ev kath südl nördl östl westl feb mär apr jun jul aug sep sept
        okt nov dez"""
    ),
    conjunctions=words(
        """und aber oder denn sondern doch weil obwohl während wenn als dass ob damit sodass bevor
        nachdem bis seit falls sobald solange indem wobei welcher welche welches wer wo wie was
        warum wann deshalb dann"""
    ),
    prepositions=words(
        """in im ins an am ans auf aus bei beim mit nach von vom vor zu zum zur für durch gegen ohne
        um über unter hinter neben zwischen wegen trotz seit bis ab"""
    ),
    sticky=words(
        """der die das den dem des ein eine einen einem einer eines dieser diese dieses diesen
        diesem mein meine dein deine sein seine ihr ihre unser unsere euer eure kein keine nicht
        sehr und oder aber in im an am auf aus bei mit nach von vom vor zu zum zur für ist sind war
        waren ich du er sie es wir hr fr dr"""
    ),
    before_numbers=words(
        """januar februar märz april mai juni juli august september oktober november dezember jan
        feb mär apr jun jul aug sep sept okt nov dez usd eur gbp jpy chf"""
    ),
    dotted_days=True,
)
