"""Italian."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

ITALIAN = Language(
    abbreviations=words(
        """sig sigg sig.ra sig.na dott dott.ssa dr prof prof.ssa ing avv arch geom on rag cav comm
        mons s ss p pp pag pagg art artt cap vol voll fig figg n nn num tel ca circa ecc es cfr max
        min ed trad v vd gen feb mar apr mag giu lug ago set sett ott nov dic lun mer gio ven sab
        dom"""
    ),
    conjunctions=words(
        """e ed ma o od oppure né perché poiché sebbene benché mentre quando dove come se che chi
        cui quale quali affinché finché quindi dunque però allora poi"""
    ),
    prepositions=words(
        """di del dello della dei degli delle a al allo alla ai agli alle da dal dallo dalla dai
        dagli dalle in nel nello nella nei negli nelle con col su sul sullo sulla sui sugli sulle
        per tra fra senza sotto sopra dopo prima durante contro verso"""
    ),
    sticky=words(
        """il lo la i gli le un uno una questo questa questi queste quel quello quella mio mia tuo
        tua suo sua nostro nostra vostro vostra loro non molto e ed o ma di del della a al alla da
        dal in nel nella con su sul per tra fra è sono era io tu lui lei noi voi si ci sig dott"""
    ),
    before_numbers=words(
        """gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre
        dicembre gen feb mar apr mag giu lug ago set ott nov dic usd eur gbp jpy chf"""
    ),
)
