/**
 * HDF5, read lazily and written whole or not at all.
 *
 * ```ts
 * const file = await openHdf5('cosmos.h5');
 * const bank = openBank(file, 'images');
 * const template = await bank.read(1234); // Float32Array of bank.shape
 * const visibilities = await file.dataset('Data/visdata').slice([0, 0, 0], [100, 16, 4]); // re, im, re, im ...
 * await file.close();
 *
 * await writeHdf5('out.h5', async (writer) => writer.dataset('meta/hlr_arcsec', radii));
 * ```
 */
export { type BankOptions, openBank, type TemplateBank } from './hdf5/bank.ts';
export type { Hdf5Dataset } from './hdf5/dataset.ts';
export { type Hdf5Attribute, type Hdf5File, openHdf5 } from './hdf5/file.ts';
export type { Hdf5Type, Hdf5Values } from './hdf5/values.ts';
export { type GrowingDataset, type Hdf5Array, type Hdf5Writer, writeHdf5 } from './hdf5/write.ts';
