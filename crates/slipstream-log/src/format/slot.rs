//! The slot that a source stores into. Pure.

use slipstream_core::Source;

/// The slot of a source among `slots`: always the same one, whatever the program.
pub fn slot_of(source: &Source, slots: u16) -> u16 {
    let slots = u64::from(slots.max(1));
    (seahash::hash(source.as_bytes()) % slots) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_always_has_the_same_slot() {
        // Part of the format: programs in other languages must agree.
        assert_eq!(slot_of(&Source::named("shop.example"), 16), 11);
        assert_eq!(slot_of(&Source::named(""), 16), 9);
    }

    #[test]
    fn many_sources_share_the_slots_evenly() {
        let mut counts = [0; 16];
        for pid in 0..16_000 {
            counts[usize::from(slot_of(&Source::named(format!("pid:{pid}")), 16))] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
