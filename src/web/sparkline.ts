// A line of what was, in the height of a row of text; its top is the most of what it shows.

/** Values that it has room for. */
export const SAMPLES = 60;

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 20;

export function drawSparkline(cell: HTMLElement, values: readonly number[]): void {
  const line = cell.querySelector('polyline') ?? newLine(cell);
  const top = Math.max(...values, 1);
  const points = values.map((value, n) => {
    const x = SAMPLES - values.length + n;
    return `${x},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`;
  });
  line.setAttribute('points', points.join(' '));
}

function newLine(cell: HTMLElement): Element {
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('viewBox', `0 0 ${SAMPLES - 1} ${HEIGHT}`);
  picture.setAttribute('preserveAspectRatio', 'none');
  picture.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'polyline');
  picture.append(line);
  cell.append(picture);
  return line;
}
