// Just enough SVG: elements with escaped texts and attributes, and the look that all charts share.

type Attributes = Record<string, string | number>;

export const COLOR = {
  ink: '#1f2933',
  soft: '#7b8794',
  grid: '#e4e7eb',
  /** Taploom, and what it is compared with. */
  ours: '#e8590c',
  theirs: '#a3b1c2',
  /** Curves, in this order. */
  curves: ['#e8590c', '#4263eb', '#2b8a3e'],
} as const;

const FONT = "font-family: 'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif";

export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const text = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(number(value))}"`);
  return children.length === 0
    ? `<${name}${text.join('')}/>`
    : `<${name}${text.join('')}>${children.join('')}</${name}>`;
}

export interface TextStyle {
  size?: number;
  color?: string;
  anchor?: 'start' | 'middle' | 'end';
  bold?: boolean;
}

export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { size = 12, color = COLOR.ink, anchor = 'start', bold = false } = style;
  const weight = bold ? 'bold' : 'normal';
  return element(
    'text',
    { x, y, 'font-size': size, fill: color, 'text-anchor': anchor, 'font-weight': weight },
    escaped(words),
  );
}

export function line(x1: number, y1: number, x2: number, y2: number, color: string, width = 1): string {
  return element('line', { x1, y1, x2, y2, stroke: color, 'stroke-width': width });
}

/** A whole document, white: a page with a dark background shows it as a card. */
export function document(width: number, height: number, title: string, body: string): string {
  const area = { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}` };
  const background = element('rect', { width, height, rx: 8, fill: '#ffffff' });
  return `${element('svg', { ...area, style: FONT }, element('title', {}, escaped(title)), background, body)}\n`;
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** A tenth of a pixel is enough. */
function number(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 10) / 10) : value;
}
