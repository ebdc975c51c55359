/**
 * A bitmap face for captions in pictures: the page and the command line, which has no canvas, draw the same pixels.
 * A glyph is up to five columns, two hexadecimal digits each, the lowest bit on top; the eighth row is for descenders.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  ' ': '000000',
  '!': '5f',
  '"': '070007',
  '#': '147f147f14',
  $: '242a7f2a12',
  '%': '2313086462',
  '&': '3649552250',
  "'": '0503',
  '(': '1c2241',
  ')': '41221c',
  '*': '14083e0814',
  '+': '08083e0808',
  ',': '5030',
  '-': '080808',
  '.': '6060',
  '/': '2010080402',
  0: '3e5149453e',
  1: '00427f4000',
  2: '4261514946',
  3: '2141454b31',
  4: '1814127f10',
  5: '2745454539',
  6: '3c4a494930',
  7: '0171090503',
  8: '3649494936',
  9: '064949291e',
  ':': '3636',
  ';': '5636',
  '<': '08142241',
  '=': '1414141414',
  '>': '41221408',
  '?': '0201510906',
  '@': '324979413e',
  A: '7e1111117e',
  B: '7f49494936',
  C: '3e41414122',
  D: '7f4141221c',
  E: '7f49494941',
  F: '7f09090901',
  G: '3e4149497a',
  H: '7f0808087f',
  I: '417f41',
  J: '2040413f01',
  K: '7f08142241',
  L: '7f40404040',
  M: '7f020c027f',
  N: '7f0408107f',
  O: '3e4141413e',
  P: '7f09090906',
  Q: '3e4151215e',
  R: '7f09192946',
  S: '4649494931',
  T: '01017f0101',
  U: '3f4040403f',
  V: '1f2040201f',
  W: '3f4038403f',
  X: '6314081463',
  Y: '0708700807',
  Z: '6151494543',
  '[': '7f4141',
  '\\': '0204081020',
  ']': '41417f',
  '^': '0402010204',
  _: '4040404040',
  '`': '010204',
  a: '2054545478',
  b: '7f48444438',
  c: '3844444420',
  d: '384444487f',
  e: '3854545418',
  f: '087e090102',
  g: '18a4a4a47c',
  h: '7f08040478',
  i: '447d40',
  j: '80847d',
  k: '7f102844',
  l: '417f40',
  m: '7c04180478',
  n: '7c08040478',
  o: '3844444438',
  p: 'fc24242418',
  q: '18242424fc',
  r: '7c08040408',
  s: '4854545420',
  t: '043f444020',
  u: '3c4040207c',
  v: '1c2040201c',
  w: '3c4030403c',
  x: '4428102844',
  y: '1ca0a0a07c',
  z: '4464544c44',
  '{': '083641',
  '|': '7f',
  '}': '413608',
  '~': '0804081008',
  '±': '44445f4444',
  '×': '2214081422',
  '−': '0808080808',
};

const UNKNOWN = GLYPHS['?']!;

/** Rows of a glyph, descenders included, and free columns between two of them. */
export const FONT = { height: 8, spacing: 1 } as const;

/** What the face can write of a text: accents are dropped, and what remains unknown becomes a question mark. */
const glyphsOf = (text: string): string[] =>
  [...text.normalize('NFKD').replace(/\p{Mn}/gu, '')].map((c) =>
    Object.hasOwn(GLYPHS, c) ? GLYPHS[c]! : UNKNOWN,
  );

/** The columns of a text in pixels of the face, bit 0 on top. */
export function textColumns(text: string): number[] {
  const columns: number[] = [];
  for (const glyph of glyphsOf(text)) {
    if (columns.length > 0) for (let i = 0; i < FONT.spacing; i++) columns.push(0);
    for (let i = 0; i < glyph.length; i += 2) columns.push(Number.parseInt(glyph.slice(i, i + 2), 16));
  }
  return columns;
}

/** The text, or its beginning and three dots where it is wider than `columns`. */
export function fitText(text: string, columns: number): string {
  if (textColumns(text).length <= columns) return text;
  const characters = [...text];
  while (characters.length > 0 && textColumns(`${characters.join('')}...`).length > columns) characters.pop();
  return `${characters.join('').trimEnd()}...`;
}

/** The text in lines of at most `columns`, broken between words; what does not fit into `most` lines is cut. */
export function wrapText(text: string, columns: number, most = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  let rest = text.trim().split(/\s+/);
  while (rest.length > 0 && lines.length + 1 < most) {
    let words = rest.length;
    while (words > 1 && textColumns(rest.slice(0, words).join(' ')).length > columns) words--;
    lines.push(fitText(rest.slice(0, words).join(' '), columns));
    rest = rest.slice(words);
  }
  if (rest.length > 0) lines.push(fitText(rest.join(' '), columns));
  return lines;
}
