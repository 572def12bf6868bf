"""What the grammars of other languages than English lack: names of units, money and signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vibevoice_pro.text.reading.rules import table


@dataclass(frozen=True)
class Words:
    """What a language calls the signs in a text, where its grammar leaves them as they are.

    Attributes:
        marks: the decimal mark, then the ones that group thousands.
        to: between the ends of a range.
        minus: before a number.
        signs: said for a sign wherever it stands.
        units: after a number, `one|many` or one form for both.
        money: of `$ € £ ¥ R$ CHF`, `one|many`.
        of: before the money after millions: `cinco millones de euros`.
        elided: the letters before which `of` loses its vowel: `d'euros`.
        reads_money: signs with which the grammar reads an amount that follows.
        clock: for an hour and its minutes, where the grammar lacks them; `|` parts what is said for
            the full hour.
        abbreviations: in full.
        address: said for a sign in an address; empty where the grammar reads them well.
        months: names, where the grammar reads no dates in figures.
    """

    marks: str
    to: str
    minus: str
    signs: Mapping[str, str]
    units: Mapping[str, str]
    money: Mapping[str, str]
    abbreviations: Mapping[str, str]
    address: Mapping[str, str]
    of: str = " "
    elided: str = ""
    reads_money: frozenset[str] = frozenset("$€£¥")
    clock: str = ""
    months: tuple[str, ...] = field(default=())


WORDS = {
    "de": Words(
        ",.", "bis", "minus",
        table(
            """& und, + plus, = gleich, < kleiner als, > größer als, ≈ ungefähr, ± plus minus
            × mal, ÷ geteilt durch, ≤ kleiner gleich, ≥ größer gleich, ≠ ungleich, § Paragraf
            % Prozent, → nach, ° Grad, # Nummer, @ at, ~ ungefähr, * mal"""
        ),
        table(
            """° Grad, ‰ Promille, kWh Kilowattstunden, W Watt, kW Kilowatt, MW Megawatt, V Volt
            mAh Milliamperestunden, KB Kilobyte, kB Kilobyte, MB Megabyte, GB Gigabyte
            TB Terabyte, Hz Hertz, kHz Kilohertz, MHz Megahertz, GHz Gigahertz, dB Dezibel
            Mbit/s Megabit_pro_Sekunde, t Tonne|Tonnen, s Sekunde|Sekunden"""
        ),
        table(
            """$ Dollar, € Euro, £ Pfund, ¥ Yen, R$ Real, CHF Schweizer_Franken"""
        ),
        table(
            """Mio. Millionen, Mrd. Milliarden, Dr. Doktor, Hr. Herr, Fr. Frau, Prof. Professor
            usw. und_so_weiter, bzw. beziehungsweise, ca. circa, z.B. zum_Beispiel, Str. Straße
            z._B. zum_Beispiel, d.h. das_heißt, d._h. das_heißt, u.a. unter_anderem
            etc. et_cetera, Tel. Telefon, evtl. eventuell, inkl. inklusive, ggf. gegebenenfalls
            St. Sankt, Mr. mister, Mrs. misses, Ms. miss, Jan. Januar, Feb. Februar, Mär. März
            Apr. April, Aug. August, Sept. September, Sep. September, Okt. Oktober
            Nov. November, Dez. Dezember, mär. märz"""
        ),
        table(
            """@ at, . Punkt, / slash, ? Fragezeichen, = Gleichheitszeichen, - Bindestrich
            _ Unterstrich, : Doppelpunkt"""
        ),
        clock="{} Uhr| {}",
    ),
    "fr": Words(
        ", ", "à", "moins",
        table(
            """& et, + plus, = égale, < inférieur à, > supérieur à, ≈ environ, ± plus ou moins
            × fois, ÷ divisé par, ≤ inférieur ou égal à, ≥ supérieur ou égal à, ≠ différent de
            § paragraphe, % pour cent, → vers, ° degrés, # numéro, @ arobase, ~ environ, * fois"""
        ),
        table(
            """km kilomètre|kilomètres, m mètre|mètres, cm centimètre|centimètres
            mm millimètre|millimètres, kg kilogramme|kilogrammes, g gramme|grammes
            mg milligramme|milligrammes, t :tonne|tonnes, l litre|litres, L litre|litres
            ml millilitre|millilitres, cl centilitre|centilitres, h :heure|heures
            min :minute|minutes, s :seconde|secondes, ms milliseconde|millisecondes
            km/h kilomètre_à_l'heure|kilomètres_à_l'heure
            m/s mètre_par_seconde|mètres_par_seconde, m² mètre_carré|mètres_carrés, ‰ pour_mille
            km² kilomètre_carré|kilomètres_carrés, m³ mètre_cube|mètres_cubes
            ha hectare|hectares, °C degré_Celsius|degrés_Celsius
            °F degré_Fahrenheit|degrés_Fahrenheit, ° degré|degrés
            kWh kilowattheure|kilowattheures, W watt|watts, kW kilowatt|kilowatts, V volt|volts
            MW mégawatt|mégawatts, A ampère|ampères, Ko kilooctet|kilooctets
            Mo mégaoctet|mégaoctets, Go gigaoctet|gigaoctets, To téraoctet|téraoctets
            KB kilooctet|kilooctets, MB mégaoctet|mégaoctets, GB gigaoctet|gigaoctets
            TB téraoctet|téraoctets, Hz hertz, kHz kilohertz, MHz mégahertz, GHz gigahertz
            dB décibel|décibels, Mbit/s mégabit_par_seconde|mégabits_par_seconde"""
        ),
        table(
            """$ dollar|dollars, € euro|euros, £ :livre|livres, ¥ yen|yens, R$ real|reais
            CHF franc_suisse|francs_suisses"""
        ),
        table(
            """M. Monsieur, MM. Messieurs, Mme Madame, Mmes Mesdames, Mlle Mademoiselle
            Mlles Mesdemoiselles, Dr Docteur, Dr. Docteur, Pr Professeur, St Saint, Ste Sainte
            n° numéro, N° numéro, etc. et_cetera, p.ex. par_exemple, c.-à-d. c'est-à-dire
            env. environ, av. avant, bd boulevard, tél. téléphone, vol. volume, Dʳ docteur
            Dʳᵉˢ docteures, Mᵐᵉ madame, Mᵐᵉˢ mesdames, Mˡˡᵉ mademoiselle, Mˡˡᵉˢ mademoiselles
            Mgr Monseigneur"""
        ),
        table(
            """@ arobase, . point, / slash, - tiret, _ tiret_bas, : deux-points"""
        ),
        of=" de ", elided="aeiouh", reads_money=frozenset(), clock="{} heures| {}",
    ),
    "es": Words(
        ",.", "a", "menos",
        table(
            """& y, + más, = igual a, < menor que, > mayor que, ≈ aproximadamente, ± más menos
            × por, ÷ entre, ≤ menor o igual que, ≥ mayor o igual que, ≠ distinto de, § sección
            % por ciento, → a, ° grados, # número, @ arroba, ~ aproximadamente, * por
            n.º número"""
        ),
        table(
            """°C grado_Celsius|grados_Celsius, °F grado_Fahrenheit|grados_Fahrenheit
            ° grado|grados, ‰ por_mil, ha hectárea|hectáreas, mg miligramo|miligramos
            t :tonelada|toneladas, kWh kilovatio_hora|kilovatios_hora, W vatio|vatios
            kW kilovatio|kilovatios, MW megavatio|megavatios, V voltio|voltios
            A amperio|amperios, KB kilobyte|kilobytes, MB megabyte|megabytes
            GB gigabyte|gigabytes, TB terabyte|terabytes, Hz hercio|hercios
            kHz kilohercio|kilohercios, MHz megahercio|megahercios, GHz gigahercio|gigahercios
            dB decibelio|decibelios, Mbit/s megabit_por_segundo|megabits_por_segundo"""
        ),
        table(
            """$ dólar|dólares, € euro|euros, £ libra|libras, ¥ yen|yenes, R$ real|reales
            CHF franco_suizo|francos_suizos"""
        ),
        table(
            """Sr. señor, Sra. señora, Srta. señorita, Dr. doctor, Dra. doctora, sr. señor
            sra. señora, dr. doctor, dra. doctora, D. don, Da. doña, da. doña, Dña. doña
            pza. plaza, Ud. usted, Uds. ustedes, p._ej. por_ejemplo, p.ej. por_ejemplo
            etc. etcétera, EE._UU. Estados_Unidos, EE.UU. Estados_Unidos, ee._uu. Estados_Unidos
            avda. avenida, n.º número, nº número, Prof. profesor, pág. página, tel. teléfono
            aprox. aproximadamente"""
        ),
        table(
            """@ arroba, . punto, / barra, - guion, _ guion_bajo, : dos_puntos"""
        ),
        of=" de ",
    ),
    "it": Words(
        ",.", "a", "meno",
        table(
            """& e, + più, = uguale, < minore di, > maggiore di, ≈ circa, ± più o meno, × per
            ÷ diviso, ≤ minore o uguale a, ≥ maggiore o uguale a, ≠ diverso da, § paragrafo
            % percento, → a, ° gradi, # numero, @ chiocciola, ~ circa, * per"""
        ),
        table(
            """°C grado_Celsius|gradi_Celsius, °F grado_Fahrenheit|gradi_Fahrenheit, ° grado|gradi
            m² metro_quadrato|metri_quadrati, km² chilometro_quadrato|chilometri_quadrati
            m³ metro_cubo|metri_cubi, ‰ per_mille, t :tonnellata|tonnellate, kW kilowatt
            kWh chilowattora, W watt, MW megawatt, V volt, KB kilobyte, MB megabyte, GB gigabyte
            TB terabyte, Hz hertz, kHz kilohertz, MHz megahertz, GHz gigahertz, dB decibel
            Mbit/s megabit_al_secondo, ha ettaro|ettari"""
        ),
        table(
            """$ dollaro|dollari, € euro, £ sterlina|sterline, ¥ yen, R$ real|reais
            CHF franco_svizzero|franchi_svizzeri"""
        ),
        table(
            """Sig. signor, Sig.ra signora, Dott. dottor, Dott.ssa dottoressa, Dr. dottor
            ecc. eccetera, Prof. professor, avv. avvocato, Avv. avvocato, dip. dipartimento
            n. numero, pag. pagina, sig. signor, sig.ra signora, sig.na signorina
            Sig.na signorina, p.za piazza, P.za piazza, Ing. ingegner, p.es. per_esempio
            ad_es. ad_esempio, tel. telefono, S. San, ca. circa"""
        ),
        table(
            """@ chiocciola, . punto, / slash, & e commerciale, - trattino, _ trattino_basso
            : due_punti"""
        ),
        of=" di ", clock="{}| e {}",
        months=tuple(
            """gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre
            dicembre""".split()
        ),
    ),
    "pt": Words(
        ",.", "a", "menos",
        table(
            """& e, + mais, = igual a, < menor que, > maior que, ≈ aproximadamente, ± mais ou menos
            × vezes, ÷ dividido por, ≤ menor ou igual a, ≥ maior ou igual a, ≠ diferente de
            § parágrafo, % por cento, → para, ° graus, # número, @ arroba, ~ aproximadamente
            * vezes"""
        ),
        table(
            """km/h quilômetro_por_hora|quilômetros_por_hora, ‰ por_mil, mAh miliampere-horas
            KB quilobyte|quilobytes, MB megabyte|megabytes, GB gigabyte|gigabytes
            TB terabyte|terabytes, dB decibel|decibéis, t :tonelada|toneladas
            Mbit/s megabit_por_segundo|megabits_por_segundo"""
        ),
        table(
            """$ dólar|dólares, € euro|euros, £ libra|libras, ¥ iene|ienes, R$ real|reais
            CHF franco_suíço|francos_suíços"""
        ),
        table(
            """Sr. senhor, Sra. senhora, Srta. senhorita, Dr. doutor, Dra. doutora, Prof. professor
            Profa. professora, D. dona, etc. et_cétera, p._ex. por_exemplo, p.ex. por_exemplo
            n.º número, nº número, Av. avenida, tel. telefone, pág. página
            aprox. aproximadamente, Exmo. Excelentíssimo, Ltda. limitada, EUA Estados_Unidos"""
        ),
        table(
            """@ arroba, . ponto, / barra, - hífen, _ sublinhado, : dois_pontos"""
        ),
        of=" de ", reads_money=frozenset({"$", "€", "£", "¥", "R$"}),
    ),
    "ja": Words(
        ".,", "から", "マイナス",
        table(
            """& アンド, + プラス, = イコール, < 小なり, > 大なり, ≈ 約, ± プラスマイナス, × かける
            ÷ わる, ≤ 以下, ≥ 以上, ≠ ノットイコール, % パーセント, → から, ° 度, # ナンバー
            @ アット, ~ から, 〜 から"""
        ),
        table(
            """km キロメートル, m メートル, cm センチメートル, mm ミリメートル, kg キログラム
            g グラム, mg ミリグラム, t トン, l リットル, L リットル, ml ミリリットル
            mL ミリリットル, h 時間, min 分, s 秒, ms ミリ秒, km/h キロメートル毎時
            m/s メートル毎秒, m² 平方メートル, km² 平方キロメートル, m³ 立方メートル
            ha ヘクタール, °C 度, ℃ 度, °F 華氏度, ° 度, % パーセント, ‰ パーミル
            kWh キロワット時, W ワット, kW キロワット, MW メガワット, V ボルト, A アンペア
            mAh ミリアンペア時, KB キロバイト, kB キロバイト, MB メガバイト, GB ギガバイト
            TB テラバイト, Hz ヘルツ, kHz キロヘルツ, MHz メガヘルツ, GHz ギガヘルツ
            dB デシベル, Mbps メガビーピーエス"""
        ),
        table(
            """$ ドル, € ユーロ, £ ポンド, ¥ 円, R$ レアル, CHF スイスフラン"""
        ),
        {},
        table(
            """@ アット, . ドット, / スラッシュ, - ハイフン, _ アンダーバー, : コロン"""
        ),
        of="", reads_money=frozenset(),
    ),
    "ko": Words(
        ".,", "부터", "마이너스",
        table(
            """& 그리고, + 더하기, = 는, < 보다 작다, > 보다 크다, ≈ 약, ± 플러스마이너스, × 곱하기
            ÷ 나누기, ≤ 이하, ≥ 이상, % 퍼센트, ° 도, # 번호, @ 골뱅이, ~ 부터, 〜 부터"""
        ),
        table(
            """mg 밀리그램, t 톤, min 분, ms 밀리초, m² 제곱미터, km² 제곱킬로미터, m³ 세제곱미터
            ha 헥타르, °C 도, ℃ 도, °F 화씨도, kWh 킬로와트시, kW 킬로와트, MW 메가와트, V 볼트
            A 암페어, mAh 밀리암페어시, KB 킬로바이트, MB 메가바이트, GB 기가바이트
            TB 테라바이트, kHz 킬로헤르츠, MHz 메가헤르츠, GHz 기가헤르츠, dB 데시벨"""
        ),
        table(
            """$ 달러, € 유로, £ 파운드, ¥ 엔, R$ 헤알, CHF 스위스_프랑"""
        ),
        {}, {},
    ),
}  # fmt: skip
