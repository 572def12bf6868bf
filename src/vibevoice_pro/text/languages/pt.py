"""Portuguese."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

PORTUGUESE = Language(
    abbreviations=words(
        """sr sra srs sras srta d dr dra drs dras prof profa profª eng gen cap ten cel st sto sta av
        r rod pça apto edif núm nº n pág págs p pp art arts vol vols fig figs ed eds aprox máx mín
        tel ramal etc ex cf vs ltda cia jan fev abr mai jun jul ago set out nov"""
    ),
    conjunctions=words(
        """e mas ou nem porque embora enquanto quando onde como se que quem cujo cuja qual quais
        pois portanto porém então logo"""
    ),
    prepositions=words(
        """a ao aos à às ante após até com contra de do da dos das desde durante em no na nos nas
        entre para pra por pelo pela pelos pelas perante sem sob sobre"""
    ),
    sticky=words(
        """o a os as um uma uns umas este esta estes estas esse essa esses essas aquele aquela meu
        minha teu tua seu sua nosso nossa não muito e ou mas ao à de do da dos das em no na nos nas
        com por pelo pela para é são era eram eu tu ele ela nós eles elas você se me te sr sra dr
        dra"""
    ),
    before_numbers=words(
        """janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
        jan fev mar abr mai jun jul ago set out nov dez usd eur gbp jpy chf brl r$"""
    ),
)
