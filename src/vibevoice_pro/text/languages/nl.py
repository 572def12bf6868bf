"""Dutch."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

DUTCH = Language(
    abbreviations=words(
        """dhr mw mevr mej dr drs prof ir ing mr st str pl nr nrs blz pag p pp art afb fig hfst vol
        bijv bv ca circa enz etc evt excl incl max min resp t.a.v tel vgl vs zgn jl a.s jr sr feb
        mrt apr jun jul aug sep sept okt nov dec"""
    ),
    conjunctions=words(
        """en maar of want dus omdat hoewel terwijl wanneer waar wie wat welke die dat als toen
        voordat nadat totdat tenzij zodat sinds indien hoe waarom dan"""
    ),
    prepositions=words(
        """in op aan bij voor van met zonder naar uit over onder na tussen door tijdens tegen om te
        tot binnen buiten achter naast langs volgens wegens"""
    ),
    sticky=words(
        """de het een deze dit die dat mijn jouw je zijn haar ons onze jullie hun geen niet zeer
        heel en of maar in op aan bij voor van met naar uit om te is was waren ik jij hij zij ze wij
        we dhr mevr dr"""
    ),
    before_numbers=words(
        """januari februari maart april mei juni juli augustus september oktober november december
        jan feb mrt apr jun jul aug sep sept okt nov dec usd eur gbp jpy chf"""
    ),
)
