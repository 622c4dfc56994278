/** Hashes of task ids: to join tables by them in little memory, and to compare sets of them whatever their order. */

function mixed(hash: number): number {
  // The finalizer of MurmurHash3 (Appleby, public domain): every bit of the input moves every bit of the output.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Two words of 32 bits of a text, to `out`. 10^7 different texts have two with the same 64 bits once in 4e5 times; not against forgery. */
export function hashText(text: string, out: Uint32Array): void {
  let [first, second] = [0x811c9dc5, 0x9747b28c];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second ^ code, 0x5bd1e995);
    second ^= second >>> 15;
  }
  out[0] = mixed(first ^ text.length);
  out[1] = mixed(second + first);
}

/**
 * Sum of the hashes of task ids modulo 2^64, and their number: equal for two tables that hold the same rows in any order. A sum sees a row that
 * stands twice, which exclusive-or would not.
 */
export class TaskChecksum {
  rows = 0;
  readonly #words = new Uint32Array(2);
  #low = 0;
  #high = 0;

  add(taskId: string): void {
    hashText(taskId, this.#words);
    this.rows++;
    this.#add(this.#words[0], this.#words[1]);
  }

  /** Adds the rows of another one. */
  merge(rows: number, digest: string): void {
    this.rows += rows;
    this.#add(Number.parseInt(digest.slice(8), 16), Number.parseInt(digest.slice(0, 8), 16));
  }

  #add(low: number, high: number): void {
    const sum = this.#low + low;
    this.#low = sum >>> 0;
    this.#high = (this.#high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  }

  /** 16 hexadecimal digits. */
  get digest(): string {
    return [this.#high, this.#low].map((word) => word.toString(16).padStart(8, '0')).join('');
  }
}
