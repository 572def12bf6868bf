"""French."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

FRENCH = Language(
    abbreviations=words(
        """m mm mme mmes mlle mlles dr pr prof st ste mgr av bd boul pl rte apt bât env ex fig chap
        vol vols éd p pp al cf etc max min moy tél réf sq ss suiv janv févr avr juil oct nov déc"""
    ),
    conjunctions=words(
        """et mais ou ni car donc or parce puisque quoique quand lorsque comme si que qui dont où
        lequel laquelle lesquels lesquelles pourquoi comment tandis pendant afin puis alors"""
    ),
    prepositions=words(
        """à au aux de du des en dans par pour sur sous avec sans chez vers entre contre depuis
        avant après devant derrière jusque jusqu'à selon malgré"""
    ),
    sticky=words(
        """le la les l un une des du ce cet cette ces mon ma mes ton ta tes son sa ses notre nos
        votre vos leur leurs ne pas très et ou mais à au aux de en dans par pour sur avec est sont
        était je tu il elle on nous vous ils elles se me te m mme mlle dr"""
    ),
    before_numbers=words(
        """janvier février mars avril mai juin juillet août septembre octobre novembre décembre janv
        févr avr juil oct nov déc usd eur gbp jpy chf"""
    ),
)
