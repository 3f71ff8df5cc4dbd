// Numbers of a benchmark, and how they are shown.

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const digits = (value, n) => value.toLocaleString('en', { maximumSignificantDigits: n, useGrouping: true });

/** Seconds, as a person reads them. */
export const time = (seconds) => (seconds < 1 ? `${digits(seconds * 1000, 3)} ms` : `${digits(seconds, 3)} s`);

/** A measured length of time: its median, and the least in brackets. */
export const times = (seconds) => `${time(median(seconds))} (${time(Math.min(...seconds))})`;

/** What was planned, and how fast it went: two floating-point operations a multiplication. */
export function planned({ layer_rows, multiplications }, seconds) {
  const parts = [];
  if (layer_rows) parts.push(`${digits(layer_rows, 6)} layer rows`);
  if (multiplications) {
    parts.push(`${digits(multiplications / 1e9, 3)} G multiplications`);
    parts.push(`${digits((2 * multiplications) / 1e9 / median(seconds), 3)} GFLOP/s`);
  }
  return parts.join(', ');
}

/**
 * What was measured, with headings: a bar is a ratio to a peer that is to be reached, or the
 * seconds that it may take at `most`.
 * @param {{ what: string, ours: string, theirs?: string, ratio?: number, bar?: number, took?: number, most?: number, notes?: string }[]} rows
 */
export function tableOf(rows) {
  const bar = ({ bar, most }) => (bar === undefined ? (most === undefined ? '' : `<= ${time(most)}`) : `>= ${bar}`);
  const isMet = ({ ratio, bar, took, most }) => (bar === undefined ? took <= most : ratio >= bar);
  return [
    ['what', 'ours: median (least)', 'peer', 'ratio', 'bar', '', 'planned, reached'],
    ...rows.map((row) => [
      row.what,
      row.ours,
      row.theirs ?? '',
      row.ratio?.toFixed(2) ?? '',
      bar(row),
      bar(row) && (isMet(row) ? 'met' : 'not met'),
      row.notes ?? '',
    ]),
  ];
}

/**
 * Prints rows under their headings, each column as wide as it has to be.
 * @param {string[][]} rows the first are the headings
 */
export function printTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
}
