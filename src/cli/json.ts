/** JSON whose numbers mean the same to every reader. */

/** `JSON.rawJSON` of ES2025, which Node 24 has and the ES2024 library of TypeScript does not. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

/**
 * As JSON.stringify, but integers beyond 2^53 (bigint) keep their digits, and floats of that size are written with an exponent: their
 * plain digits would be read as an integer that they are not.
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === 'bigint') return rawJSON(String(item));
      if (typeof item === 'number' && Math.abs(item) > Number.MAX_SAFE_INTEGER && Number.isFinite(item))
        return rawJSON(item.toExponential());
      return item;
    },
    indent,
  );
}
