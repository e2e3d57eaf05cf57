/** One column of a list. */
export interface Column<Row> {
  /** Lower case; the header of CSV, and in capitals that of tables. */
  name: string;
  /** Absent where it is not known. */
  of(row: Row): string | number | undefined;
  /** What a table shows instead, such as a number with its unit. */
  shown?(row: Row): string;
  isWide?: true;
  isRight?: true;
}

/** Rows with their columns, and how each is named. */
export interface Listing<Row> {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  nameOf(row: Row): string;
}
