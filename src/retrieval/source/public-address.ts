import { BlockList, isIP } from 'node:net'

/** Networks that a server must not be sent to by a client: its own, its neighbours', and their metadata services. IANA special-purpose registries. */
const special = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special.addSubnet(network, prefix, 'ipv4')
// Everything outside 2000::/3 is special today; inside it, these are. 6to4 and Teredo carry IPv4 addresses of anybody's choosing.
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(network, prefix, 'ipv6')
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** True for an address on the public internet. IPv4 inside IPv6 (`::ffff:127.0.0.1`) is judged as IPv4 where it can be public at all. */
export const isPublicAddress = (address: string): boolean => {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  switch (isIP(bare)) {
    case 4:
      return !special.check(bare, 'ipv4')
    case 6:
      return globalUnicast.check(bare, 'ipv6') && !special.check(bare, 'ipv6')
    default:
      return false
  }
}
