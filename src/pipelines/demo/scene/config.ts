/** The config of the demo scene, ready for `arclet fit`; its keys are tract7dt's own, so that it can be run as well. */

/** Pixels that are cut off at each edge. */
const MARGIN_PART = 32;
/** Pixels along a cell of the ePSF grid: about twenty stars of S/N 100. */
const CELL = 480;

export function sceneConfig(size: number): string {
  const margin = Math.round(size / MARGIN_PART);
  const working = size - 2 * margin;
  const grid = Math.max(1, Math.min(7, Math.round(working / CELL)));
  const middle = Math.floor(working / 2);
  const half = Math.floor(Math.min(250, working / 4));
  return `# Photometry of the demo scene. Run it: arclet fit run-epsf --config config.yaml
inputs:
  tile_name: demo_scene
  input_catalog: catalogue.csv
  image_list_file: images.txt
  gaiaxp_synphot_csv: gaia_xp.csv
outputs:
  work_dir: fit
image_scaling:
  zp_ref: 25.0
crop:
  margin: ${margin}
  display_downsample: 2
  post_crop_display_downsample: 2
overlay:
  downsample_full: 2
  zoom_box: [${middle - half}, ${middle + half}, ${middle - half}, ${middle + half}]
source_saturation_cut:
  radius_pix: 8.0
plotting:
  dpi: 150
epsf:
  # Cells of about ${Math.floor(working / grid)} px.
  epsf_ngrid: ${grid}
  ngrid: 2
  gaia_mag_max: 18.0
`;
}
