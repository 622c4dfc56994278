/** JSON in which integers beyond 2^53 keep their digits, and what is not finite is null. */

type RawJson = (text: string) => unknown;

/** As JSON.stringify, with bigint written as the number it is. */
export function jsonText(value: unknown, indent?: number): string {
  const { rawJSON } = JSON as unknown as { rawJSON: RawJson };
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? rawJSON(String(item)) : item), indent);
}
