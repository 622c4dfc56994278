/** Work on a few items at once whose results are wanted in order. */

/**
 * Starts `work` on each item of the source, at most `atOnce` at a time, and yields the results in the order of the items. The source is asked for
 * the next item only when there is room. When the consumer stops or a work fails, what is under way is waited for.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<{ readonly item: T; readonly result: R }, void, undefined> {
  const queue: { item: T; result: Promise<R> }[] = [];
  const take = async () => {
    const { item, result } = queue.shift() as { item: T; result: Promise<R> };
    return { item, result: await result };
  };
  try {
    for await (const item of source) {
      const result = work(item);
      // The failure is reported when its turn comes.
      result.catch(() => {});
      queue.push({ item, result });
      if (queue.length >= atOnce) yield await take();
    }
    while (queue.length > 0) yield await take();
  } finally {
    await Promise.allSettled(queue.map(({ result }) => result));
  }
}
