import { isMean, NUMBER_NAMES, NUMBERS, type NumberName, type PointName } from '../../proto/model/measures.ts';

/** A column with the SQL that computes it: from a bucket of samples with their counters' increases, and from finer roll-ups. */
export interface RolledColumn<Name extends string = string> {
  name: Name;
  fromSamples: string;
  fromRollUps: string;
}

/** The largest exact integer of JavaScript; a BIGINT column holds a thousand times as much. */
const MOST = Number.MAX_SAFE_INTEGER;

/** Null stays null; least() would return the limit instead. */
const atMost = (sum: string): string => `CASE WHEN ${sum} > ${MOST} THEN ${MOST} ELSE ${sum} END`;

const columnOf = (name: NumberName): string => NUMBERS[name].column;
const samplesOf = (name: NumberName): string => ('isAlwaysKnown' in NUMBERS[name] ? 'samples' : `${columnOf(name)}_samples`);

/** Columns of the table `sample`, with their types. */
export const SAMPLE_COLUMNS: readonly { measure: NumberName; name: string; type: string }[] = NUMBER_NAMES.map((measure) => ({
  measure,
  name: columnOf(measure),
  type: NUMBERS[measure].unit === 'flows/s' ? 'double precision' : 'bigint',
}));

/**
 * How far each counter rose since the previous sample, `…_rise`, over the window `gateway`; counted from zero after a restart of the
 * gateway.
 */
export const RISES: string = NUMBER_NAMES.filter((name) => NUMBERS[name].rollUp === 'rise')
  .map(columnOf)
  .map(
    (c) =>
      `CASE WHEN "${c}" >= lag("${c}") OVER gateway THEN "${c}" - lag("${c}") OVER gateway
            WHEN lag("${c}") OVER gateway IS NOT NULL THEN "${c}" END AS "${c}_rise"`,
  )
  .join(',\n');

/** Columns of `sample_minute` and `sample_hour`, beside `samples`, the number of samples, and the newest breakdown. */
export const ROLL_UP_COLUMNS: readonly RolledColumn[] = NUMBER_NAMES.flatMap((measure): RolledColumn[] => {
  const c = columnOf(measure);
  const max = (name: string): RolledColumn => ({ name, fromSamples: `max("${c}")`, fromRollUps: `max("${name}")` });
  switch (NUMBERS[measure].rollUp) {
    case 'rise':
      // Made-up values of one gateway must not break the sums of all.
      return [{ name: c, fromSamples: atMost(`sum("${c}_rise")`), fromRollUps: atMost(`sum("${c}")`) }];
    case 'max':
      return [max(c)];
    case 'mean': {
      const sums = [{ name: `${c}_sum`, fromSamples: `sum("${c}")`, fromRollUps: `sum("${c}_sum")` }, max(`${c}_max`)];
      const samples = samplesOf(measure);
      return samples === 'samples' ? sums : [...sums, { name: samples, fromSamples: `count("${c}")`, fromRollUps: `sum("${samples}")` }];
    }
  }
});

/** Columns of a chart's points. */
export const POINT_COLUMNS: readonly RolledColumn<PointName>[] = NUMBER_NAMES.flatMap((measure): RolledColumn<PointName>[] => {
  const c = columnOf(measure);
  if (!isMean(measure)) {
    const [only] = ROLL_UP_COLUMNS.filter(({ name }) => name === c);
    return [{ ...only!, name: measure }];
  }
  const whole = (text: string): string => (NUMBERS[measure].unit === 'flows' ? `round(${text})` : text);
  return [
    { name: measure, fromSamples: whole(`avg("${c}")`), fromRollUps: whole(`sum("${c}_sum") / nullif(sum("${samplesOf(measure)}"), 0)`) },
    { name: `${measure}Max`, fromSamples: `max("${c}")`, fromRollUps: `max("${c}_max")` },
  ];
});
