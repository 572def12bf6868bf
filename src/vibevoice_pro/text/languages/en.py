"""English."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

ENGLISH = Language(
    abbreviations=words(
        """mr mrs ms dr prof st mt ft gen gov sen rep capt lt col sgt cmdr rev hon pres supt cpl
        maj adm fr msgr jr sr messrs mme mlle atty ave blvd rd ln hwy ste apt bldg ltd inc corp co
        bros dept univ assn govt approx est vs vol vols fig figs ch pp ed eds no nos al cf ca etc
        viz jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun
        ext tel min max avg incl excl resp sec hr hrs pg para eq ref refs art"""
    ),
    conjunctions=words(
        """and but or nor because although though while whereas when where which who whom whose why
        how what that unless until since if so then"""
    ),
    prepositions=words(
        """in on at by for from with without into onto over under after before between through
        during about against as than to of"""
    ),
    sticky=words(
        """a an the this that these those my your his her its our their no not very and or but in
        on at by for from with to of as is are was were be i you he she it we they mr mrs dr"""
    ),
    before_numbers=words(
        """january february march april may june july august september october november december
        jan feb mar apr jun jul aug sep sept oct nov dec usd eur gbp jpy chf cny us$"""
    ),
)
