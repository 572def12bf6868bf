"""Polish."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

POLISH = Language(
    abbreviations=words(
        """dr hab prof mgr inż lek płk gen kpt por ks św ul al pl os nr tel tzw tzn np itp itd m.in
        ok godz min sek tys mln mld wg ws jw im red str rozdz rys tab ust art poz zob pw maks pn wt
        śr"""
    ),
    conjunctions=words(
        """i oraz a ale lub albo ani bo ponieważ gdyż chociaż choć podczas gdy kiedy gdzie jak że
        żeby aby jeśli jeżeli więc zatem który która które którzy kto co dlaczego potem"""
    ),
    prepositions=words(
        """w we na z ze do od dla bez przez po przed pod nad przy o u za między wśród podczas wobec
        według"""
    ),
    sticky=words(
        """ten ta to te ci mój moja twój twoja jego jej nasz nasza wasz ich nie bardzo i a lub ale
        w we na z ze do od dla bez przez po przed pod nad przy o u za jest są był była ja ty on ona
        my wy oni się dr prof"""
    ),
    before_numbers=words(
        """styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad
        grudzień stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października
        listopada grudnia usd eur gbp jpy chf pln"""
    ),
)
