/** A first sentence in the language of the voice, so that Play has something to say. */

const SAMPLES = {
  en: "Good morning. This voice starts to speak while the rest of the sentence is still being written, and it keeps going for as long as the text lasts.",
  zh: "早上好。后面的文字还没写完，这个声音就已经开口了；文本有多长，它就读多久。",
  ja: "おはようございます。文章の続きがまだ書かれているうちに、この声はもう話し始めます。",
  ko: "좋은 아침입니다. 문장의 나머지가 아직 쓰이는 동안에도 이 목소리는 이미 말하기 시작합니다.",
  de: "Guten Morgen. Diese Stimme beginnt zu sprechen, während der Rest des Satzes noch geschrieben wird, und sie spricht so lange, wie der Text reicht.",
  fr: "Bonjour. Cette voix commence à parler pendant que la suite de la phrase s’écrit encore, et elle continue aussi longtemps que dure le texte.",
  es: "Buenos días. Esta voz empieza a hablar mientras el resto de la frase aún se está escribiendo, y sigue mientras dure el texto.",
  it: "Buongiorno. Questa voce comincia a parlare mentre il resto della frase viene ancora scritto, e continua finché dura il testo.",
  pt: "Bom dia. Esta voz começa a falar enquanto o resto da frase ainda está a ser escrito, e continua enquanto durar o texto.",
  nl: "Goedemorgen. Deze stem begint te spreken terwijl de rest van de zin nog wordt geschreven, en gaat door zolang de tekst duurt.",
  pl: "Dzień dobry. Ten głos zaczyna mówić, gdy reszta zdania dopiero powstaje, i mówi tak długo, jak długo trwa tekst.",
};

/** A sentence for a voice of `language` (ISO 639-1, perhaps with a region). */
export function sample(language) {
  return SAMPLES[language.toLowerCase().split("-")[0]] ?? SAMPLES.en;
}

/** Whether `text` is one of the samples, that is, nobody has written anything yet. */
export function isSample(text) {
  return Object.values(SAMPLES).includes(text);
}
