import type { SeqAdjust, Synproxy } from '../../../proto/model/flow.ts';
import { type AttributeReader, type AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import {
  CTA_SEQADJ_CORRECTION_POS,
  CTA_SEQADJ_OFFSET_AFTER,
  CTA_SEQADJ_OFFSET_BEFORE,
  CTA_SYNPROXY,
  CTA_SYNPROXY_ISN,
  CTA_SYNPROXY_ITS,
  CTA_SYNPROXY_TSOFF,
} from './constants.ts';

/** Decodes a CTA_SEQ_ADJ_*. Offsets are signed. Throws DecodeError if one of the three is missing. */
export function decodeSeqAdjust(attributes: AttributeReader, place: string): SeqAdjust {
  const found: Partial<SeqAdjust> = {};
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_SEQADJ_CORRECTION_POS:
        found.position = attributes.u32();
        break;
      case CTA_SEQADJ_OFFSET_BEFORE:
        found.before = attributes.u32() | 0;
        break;
      case CTA_SEQADJ_OFFSET_AFTER:
        found.after = attributes.u32() | 0;
        break;
    }
  }
  const { position, before, after } = found;
  if (position === undefined || before === undefined || after === undefined)
    throw new DecodeError(place, 'a shift needs a position and both offsets');
  return { position, before, after };
}

/** Writes a CTA_SEQ_ADJ_*; the counterpart of decodeSeqAdjust. */
export function encodeSeqAdjust(out: AttributeWriter, type: number, { position, before, after }: SeqAdjust): void {
  out.nested(type, () => {
    out.u32(CTA_SEQADJ_CORRECTION_POS, position);
    out.u32(CTA_SEQADJ_OFFSET_BEFORE, before);
    out.u32(CTA_SEQADJ_OFFSET_AFTER, after);
  });
}

/** Decodes a CTA_SYNPROXY. An entry created by a request has one of all zeros. Throws DecodeError if one of the three is missing. */
export function decodeSynproxy(attributes: AttributeReader, place: string): Synproxy {
  const found: Partial<Synproxy> = {};
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_SYNPROXY_ISN:
        found.isn = attributes.u32();
        break;
      case CTA_SYNPROXY_ITS:
        found.its = attributes.u32();
        break;
      case CTA_SYNPROXY_TSOFF:
        found.timestampOffset = attributes.u32();
        break;
    }
  }
  const { isn, its, timestampOffset } = found;
  if (isn === undefined || its === undefined || timestampOffset === undefined)
    throw new DecodeError(place, 'a SYN proxy needs a sequence number, a timestamp and its offset');
  return { isn, its, timestampOffset };
}

/** Writes a CTA_SYNPROXY; the counterpart of decodeSynproxy. */
export function encodeSynproxy(out: AttributeWriter, { isn, its, timestampOffset }: Synproxy): void {
  out.nested(CTA_SYNPROXY, () => {
    out.u32(CTA_SYNPROXY_ISN, isn);
    out.u32(CTA_SYNPROXY_ITS, its);
    out.u32(CTA_SYNPROXY_TSOFF, timestampOffset);
  });
}
