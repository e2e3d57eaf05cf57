import { create } from 'qrcode/lib/core/qrcode.js';

/** Quiet zone around a code, in modules; the standard asks for four. */
const MARGIN = 4;

/** A QR code, dark on light in both themes, since many cameras read nothing else. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, data } = create(text, { errorCorrectionLevel: 'M' }).modules;
  const path = Array.from(data, (isDark, index) =>
    isDark ? `M${(index % size) + MARGIN} ${Math.floor(index / size) + MARGIN}h1v1h-1z` : '',
  ).join('');
  const whole = size + 2 * MARGIN;
  return (
    <svg role="img" aria-label={label} width={whole * 4} height={whole * 4} viewBox={`0 0 ${whole} ${whole}`} shapeRendering="crispEdges">
      <rect width={whole} height={whole} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
