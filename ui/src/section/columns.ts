// The columns of a table, and the same table as CSV.

/** One column. */
export interface Column<T> {
  title: string;
  /** What people read. */
  text: (row: T) => string;
  /** Where the cell leads. */
  href?: (row: T) => string | undefined;
  /** All digits, for pointing at and for CSV; the text where absent. */
  exact?: (row: T) => string | number | null;
  /** Numbers stand to the right, below each other. */
  isNumber?: boolean;
  /** Draws a bar of this share of one behind the number. */
  share?: (row: T) => number;
  /** A coloured mark before the text: a design token. */
  color?: (row: T) => string;
  /** `bad` or `good`, where a value deserves to be seen. */
  tone?: (row: T) => 'bad' | 'good' | undefined;
  /** Any CSS width; what is left where absent. */
  width?: string;
}

/** A table as RFC 4180 has it. */
export function csv<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const lines = rows.map((row) =>
    columns.map(({ text, exact }) => field(exact === undefined ? text(row) : exact(row))),
  );
  return [columns.map(({ title }) => field(title)), ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}

function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  // A name that begins like a formula must not become one where the file is opened.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hands a text to the viewer as a file. */
export function download(name: string, type: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the data once it began.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
