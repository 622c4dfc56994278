/**
 * Parquet, streamed by row group. Stamps are little-endian float32 BYTE_ARRAYs whose shape and unit stand in the file's metadata.
 *
 * ```ts
 * const table = await openParquet(await openSource('s3://survey/stamps/part-0001.parquet'));
 * for await (const { rows, columns } of table.batches(['ra', 'stamp_r'])) use(rows, columns.stamp_r as Float32Array);
 * ```
 */
export type { WriteCodec } from './parquet/codecs.ts';
export { openParquet, type ParquetTable, type RowGroupInfo } from './parquet/read.ts';
export { openParquetWriter, type ParquetTableWriter, type ParquetWriteOptions } from './parquet/write.ts';
