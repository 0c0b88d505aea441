//! AV pairs (MS-NLMP 2.2.2.1): what a server says of itself, and what a client adds before it proves itself over all.

use vfs::Timestamp;

/// One pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvPair<'a> {
    /// `AvId`.
    pub id: u16,
    /// `Value`.
    pub value: &'a [u8],
}

/// Pairs one after the other, up to `MsvAvEOL` or to the first that does not fit.
#[derive(Clone, Copy, Debug)]
pub struct AvPairs<'a>(pub &'a [u8]);

/// How a server names itself to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetNames {
    /// NetBIOS name of the server, and of its domain as long as it has none: at most 15 letters.
    pub netbios: String,
    /// Its name in DNS.
    pub dns: String,
}

impl<'a> Iterator for AvPairs<'a> {
    type Item = AvPair<'a>;

    fn next(&mut self) -> Option<AvPair<'a>> {
        let (head, rest) = self.0.split_first_chunk::<4>()?;
        let [id_low, id_high, length_low, length_high] = *head;
        let (id, length) = (u16::from_le_bytes([id_low, id_high]), u16::from_le_bytes([length_low, length_high]));
        let (value, rest) = rest.split_at_checked(usize::from(length)).filter(|_| id != MSV_AV_EOL)?;
        self.0 = rest;
        Some(AvPair { id, value })
    }
}

impl AvPairs<'_> {
    /// Whether a pair says that it is longer than what is there. One that ends the list may be missing.
    #[must_use]
    pub fn is_cut_short(mut self) -> bool {
        self.by_ref().for_each(drop);
        self.0.first_chunk::<2>().is_some_and(|id| u16::from_le_bytes(*id) != MSV_AV_EOL)
    }

    /// Whether `MsvAvFlags` says that the AUTHENTICATE message has a MIC.
    #[must_use]
    pub fn promise_mic(mut self) -> bool {
        let flags = self.find(|pair| pair.id == MSV_AV_FLAGS).and_then(|pair| pair.value.first_chunk::<4>().copied());
        flags.is_some_and(|flags| u32::from_le_bytes(flags) & HAS_MIC != 0)
    }
}

impl TargetNames {
    /// `TargetInfo` of a CHALLENGE.
    pub(super) fn target_info(&self, now: Timestamp) -> Vec<u8> {
        let mut pairs = Vec::with_capacity(256);
        let time = filetime(now).to_le_bytes();
        let (netbios, dns) = (utf16(&self.netbios), utf16(&self.dns));
        for (id, value) in [
            (MSV_AV_NB_DOMAIN_NAME, netbios.as_slice()),
            (MSV_AV_NB_COMPUTER_NAME, &netbios),
            (MSV_AV_DNS_DOMAIN_NAME, &dns),
            (MSV_AV_DNS_COMPUTER_NAME, &dns),
            (MSV_AV_TIMESTAMP, &time),
            (MSV_AV_EOL, &[]),
        ] {
            push(&mut pairs, id, value);
        }
        pairs
    }
}

/// What a client says of the pairs of a CHALLENGE: their time, and the pairs with the promise of a MIC (MS-NLMP 3.1.5.1.2).
pub(super) fn client_pairs(told: AvPairs<'_>) -> ([u8; 8], Vec<u8>) {
    let mut time = [0; 8];
    let mut pairs = Vec::with_capacity(told.0.len() + 8);
    for AvPair { id, value } in told.filter(|pair| pair.id != MSV_AV_FLAGS) {
        if id == MSV_AV_TIMESTAMP {
            time = value.first_chunk().copied().unwrap_or_default();
        }
        push(&mut pairs, id, value);
    }
    push(&mut pairs, MSV_AV_FLAGS, &HAS_MIC.to_le_bytes());
    push(&mut pairs, MSV_AV_EOL, &[]);
    (time, pairs)
}

fn push(pairs: &mut Vec<u8>, id: u16, value: &[u8]) {
    pairs.extend_from_slice(&id.to_le_bytes());
    pairs.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    pairs.extend_from_slice(value);
}

/// Names are cut where they are longer than any name may be.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().take(NAME_UNITS_MAX).flat_map(u16::to_le_bytes).collect()
}

/// `FILETIME` (MS-DTYP 2.3.3): units of 100 ns since 1601-01-01.
fn filetime(at: Timestamp) -> u64 {
    let seconds = u64::try_from(at.seconds.saturating_add(SECONDS_FROM_1601_TO_1970)).unwrap_or(0);
    seconds.saturating_mul(10_000_000).saturating_add(u64::from(at.nanoseconds / 100))
}

const MSV_AV_EOL: u16 = 0;
const MSV_AV_NB_COMPUTER_NAME: u16 = 1;
const MSV_AV_NB_DOMAIN_NAME: u16 = 2;
const MSV_AV_DNS_COMPUTER_NAME: u16 = 3;
const MSV_AV_DNS_DOMAIN_NAME: u16 = 4;
const MSV_AV_FLAGS: u16 = 6;
const MSV_AV_TIMESTAMP: u16 = 7;
const HAS_MIC: u32 = 2;
const SECONDS_FROM_1601_TO_1970: i64 = 11_644_473_600;
const NAME_UNITS_MAX: usize = 255;
