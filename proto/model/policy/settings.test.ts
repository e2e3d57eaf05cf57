import { describe, expect, it } from 'vitest';
import { aboutTimeout, isTimeoutKey, KNOWN_TIMEOUT_KEYS, settingOf, SWITCHES, timeoutEntries, timeoutKeyOf } from './settings.ts';

/** The directory of Linux 6.18 and those of 5.10 and 6.1 beside it, as they were listed; what is no timeout must not become one. */
const FILES = `nf_conntrack_acct nf_conntrack_buckets nf_conntrack_checksum nf_conntrack_count nf_conntrack_dccp_loose nf_conntrack_events
nf_conntrack_expect_max nf_conntrack_frag6_high_thresh nf_conntrack_log_invalid nf_conntrack_max nf_conntrack_tcp_be_liberal
nf_conntrack_tcp_loose nf_conntrack_tcp_max_retrans nf_conntrack_timestamp nf_hooks_lwtunnel nf_log_all_netns`.split(/\s+/);
const TIMEOUT_FILES = `nf_conntrack_frag6_timeout nf_conntrack_generic_timeout nf_conntrack_gre_timeout nf_conntrack_gre_timeout_stream
nf_conntrack_icmp_timeout nf_conntrack_icmpv6_timeout nf_conntrack_sctp_timeout_closed nf_conntrack_sctp_timeout_cookie_echoed
nf_conntrack_sctp_timeout_cookie_wait nf_conntrack_sctp_timeout_established nf_conntrack_sctp_timeout_heartbeat_acked
nf_conntrack_sctp_timeout_heartbeat_sent nf_conntrack_sctp_timeout_shutdown_ack_sent nf_conntrack_sctp_timeout_shutdown_recd
nf_conntrack_sctp_timeout_shutdown_sent nf_conntrack_tcp_timeout_close nf_conntrack_tcp_timeout_close_wait
nf_conntrack_tcp_timeout_established nf_conntrack_tcp_timeout_fin_wait nf_conntrack_tcp_timeout_last_ack
nf_conntrack_tcp_timeout_max_retrans nf_conntrack_tcp_timeout_syn_recv nf_conntrack_tcp_timeout_syn_sent
nf_conntrack_tcp_timeout_time_wait nf_conntrack_tcp_timeout_unacknowledged nf_conntrack_udp_timeout nf_conntrack_udp_timeout_stream
nf_conntrack_udplite_timeout nf_conntrack_udplite_timeout_stream nf_conntrack_dccp_timeout_closereq nf_conntrack_dccp_timeout_closing
nf_conntrack_dccp_timeout_open nf_conntrack_dccp_timeout_partopen nf_conntrack_dccp_timeout_request nf_conntrack_dccp_timeout_respond
nf_conntrack_dccp_timeout_timewait`.split(/\s+/);

describe('the catalogue of settings', () => {
  it('knows every timeout of the kernels that it was made for, and nothing else', () => {
    expect(TIMEOUT_FILES.map((file) => timeoutKeyOf(file)).toSorted()).toEqual([...KNOWN_TIMEOUT_KEYS].toSorted());
    expect(FILES.map((file) => timeoutKeyOf(file)).filter((key) => key !== undefined)).toEqual([]);
  });

  it('leads from a key to its file and back, also for a timeout that it does not know', () => {
    const files = [...TIMEOUT_FILES, 'nf_conntrack_quic_timeout', 'nf_conntrack_tcp_timeout_new'];
    expect(files.map((file) => settingOf(timeoutKeyOf(file)!))).toEqual(files);
    expect(timeoutKeyOf('nf_conntrack_quic_timeout')).toBe('other.nf_conntrack_quic_timeout');
    expect(aboutTimeout('other.nf_conntrack_quic_timeout')).toBeUndefined();
  });

  it('takes no path, no other file and no known timeout for another one', () => {
    const others = ['../kernel/panic', 'nf_conntrack_../timeout', 'nf_conntrack_max', 'nf_conntrack_icmp_timeout', ''];
    expect(others.map((file) => isTimeoutKey(`other.${file}`))).toEqual(others.map(() => false));
    expect(['icmp', 'tcp.established', 'other.nf_conntrack_quic_timeout', 'toString', 'tcp'].map(isTimeoutKey)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('says something about each, in sentences', () => {
    for (const help of [...KNOWN_TIMEOUT_KEYS.map((key) => aboutTimeout(key)!.help), ...SWITCHES.map((one) => one.help)])
      expect(help).toMatch(/^[A-Z].*\.$/);
  });

  it('lists timeouts in its own order, unknown ones last', () => {
    expect(
      timeoutEntries({ 'other.nf_conntrack_b_timeout': 2, 'other.nf_conntrack_a_timeout': 1, icmp: 3, 'tcp.close': 4 }).map(([key]) => key),
    ).toEqual(['tcp.close', 'icmp', 'other.nf_conntrack_a_timeout', 'other.nf_conntrack_b_timeout']);
  });
});
