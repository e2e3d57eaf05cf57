/** The part of the package that knows no canvas and no file. */
declare module 'qrcode/lib/core/qrcode.js' {
  /** `data`: row by row, 1 is dark. */
  export function create(text: string, options: { errorCorrectionLevel: 'L' | 'M' }): { modules: { size: number; data: Uint8Array } };
}
