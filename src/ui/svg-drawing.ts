const FONT_SIZE = 11;
const FONT = 'font-family="system-ui, sans-serif"';

/** A drawing as the text of a file, and its size in pixels. */
export interface Figure {
  text: string;
  width: number;
  height: number;
}

interface TextStyle {
  anchor?: 'middle' | 'end';
  weight?: number;
  size?: number;
}

/** SVG elements as they are added; grows wider where a line of text needs it. */
export class SvgDrawing {
  private readonly out: string[] = [];
  private reach = 0;

  constructor(private readonly colours: { ink: string; mark: string; ground: string }) {}

  text(x: number, y: number, body: string, { anchor, weight, size = FONT_SIZE }: TextStyle = {}): void {
    if (!anchor) this.reach = Math.max(this.reach, x + textWidth(body, size));
    const extra = `${anchor ? ` text-anchor="${anchor}"` : ''}${weight ? ` font-weight="${weight}"` : ''}`;
    this.out.push(
      `<text x="${x}" y="${y}" font-size="${size}" fill="${this.colours.ink}" ${FONT}${extra}>${escaped(body)}</text>`,
    );
  }

  rect(x: number, y: number, width: number, height: number, fill: string): void {
    this.out.push(`<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`);
  }

  /** A dot as on the screen: filled where one level stands out, hollow where none does. */
  dot(x: number, y: number, clear: boolean): void {
    const { mark, ground } = this.colours;
    const circle = (r: number, fill: string) =>
      this.out.push(`<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`);
    circle(5.5, ground);
    circle(4, mark);
    if (!clear) circle(2, ground);
  }

  /** A line through points, with a dot at each where `dots` says so. */
  line(
    points: readonly (readonly [x: number, y: number])[],
    stroke: string,
    { dash = '', width = 2, dots = false }: { dash?: string; width?: number; dots?: boolean } = {},
  ): void {
    const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
    const dashed = dash ? ` stroke-dasharray="${dash}"` : '';
    this.out.push(
      `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="${width}"${dashed}/>`,
    );
    for (const [x, y] of dots ? points : []) this.circle(x, y, stroke);
  }

  circle(x: number, y: number, fill: string): void {
    this.out.push(`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5" fill="${fill}"/>`);
  }

  /** `margin` stays free to the right of the longest line of text. */
  finish(width: number, height: number, margin: number): Figure {
    const wide = Math.ceil(Math.max(width, this.reach + margin));
    return {
      text: `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${height}" viewBox="0 0 ${wide} ${height}"><rect width="100%" height="100%" fill="${this.colours.ground}"/>${this.out.join('')}</svg>\n`,
      width: wide,
      height,
    };
  }
}

/** Room for a line of text in whatever sans serif there is. */
const textWidth = (body: string, size: number): number => 0.62 * size * body.length;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (ch) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[ch]!);
