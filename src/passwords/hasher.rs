//! The two libraries that compute Argon2 hashes. Each hasher keeps memory for one thread.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use argon2_rust::params::{Memory, TagLen};
#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};

/// The library that computes hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    /// `argon2-rust`.
    Fast,
    /// The `argon2` crate of the RustCrypto project.
    Portable,
}

impl Backend {
    /// Returns the name of the library.
    pub(super) fn library(self) -> &'static str {
        match self {
            Self::Fast => "argon2-rust",
            Self::Portable => "argon2",
        }
    }
}

/// The inputs of a hash.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    /// The parameters, which may include associated data.
    pub(super) params: &'a Params,
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    /// Empty, except in the examples of RFC 9106.
    pub(super) secret: &'a [u8],
}

/// The reason why a hash was not computed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashError {
    #[error("argon2-rust: {0}")]
    Fast(#[from] argon2_rust::Error),
    #[error("argon2: {0}")]
    Portable(#[from] argon2::Error),
}

/// The hasher of one thread. Both kinds allocate memory when they compute their first hash, and keep as much as the
/// usual parameters need. A hash that needs more gets separate memory, which is returned to the system afterwards.
pub(super) enum Hasher {
    Fast(Fast),
    Portable(Portable),
}

impl Hasher {
    pub(super) fn new(backend: Backend, usual: &Params) -> Self {
        match backend {
            Backend::Fast => Self::Fast(Fast::new(usual)),
            Backend::Portable => Self::Portable(Portable::new(usual)),
        }
    }

    /// Computes a hash that fills the output.
    pub(super) fn compute(&mut self, inputs: &Inputs<'_>, output: &mut [u8]) -> Result<(), HashError> {
        match self {
            Self::Fast(fast) => Ok(fast.compute(inputs, output)?),
            Self::Portable(portable) => Ok(portable.compute(inputs, output)?),
        }
    }

    /// Returns how many KiB of memory the hasher keeps.
    #[cfg(test)]
    pub(super) fn kept_kib(&self) -> usize {
        match self {
            Self::Fast(fast) => fast.memory.reserved_blocks(),
            Self::Portable(portable) => portable.memory.capacity(),
        }
    }
}

/// Computes hashes with `argon2-rust`, which uses AVX-512, AVX2 or NEON, and huge pages.
pub(super) struct Fast {
    usual: usize,
    memory: argon2_rust::Hasher,
}

impl Fast {
    pub(super) fn new(usual: &Params) -> Self {
        // each hash replaces this configuration with its own
        let any = argon2_rust::Argon2::new(
            argon2_rust::Algorithm::Argon2id,
            argon2_rust::Version::V0x13,
            argon2_rust::Params::DEFAULT,
        );
        Self { usual: usual.block_count(), memory: any.hasher() }
    }

    pub(super) fn compute(
        &mut self,
        inputs: &Inputs<'_>,
        output: &mut [u8],
    ) -> Result<(), argon2_rust::Error> {
        let Inputs { password, salt, secret, .. } = *inputs;
        let (argon2, data) = (configured(inputs, output.len())?, inputs.params.data());
        if inputs.params.block_count() > self.usual {
            return argon2.hash_into_with_ad(password, salt, secret, data, output);
        }
        self.memory.set_argon2(argon2);
        self.memory.hash_into_with_ad(password, salt, secret, data, output)
    }
}

/// Converts the algorithm, version and parameters to the types of `argon2-rust`.
fn configured(inputs: &Inputs<'_>, length: usize) -> Result<argon2_rust::Argon2, argon2_rust::Error> {
    let params = argon2_rust::Params::builder()
        .memory(Memory::kib(inputs.params.m_cost().into()))
        .passes(inputs.params.t_cost())
        .lanes(inputs.params.p_cost())
        // a worker must not occupy more than one core
        .threads(1)
        .tag_len(TagLen::bytes(length as u64))
        .build()?;
    let algorithm = match inputs.algorithm {
        Algorithm::Argon2d => argon2_rust::Algorithm::Argon2d,
        Algorithm::Argon2i => argon2_rust::Algorithm::Argon2i,
        Algorithm::Argon2id => argon2_rust::Algorithm::Argon2id,
    };
    let version = match inputs.version {
        Version::V0x10 => argon2_rust::Version::V0x10,
        Version::V0x13 => argon2_rust::Version::V0x13,
    };
    Ok(argon2_rust::Argon2::new(algorithm, version, params))
}

/// Computes hashes with `argon2`, on any processor. It is the reference for [`Fast`].
pub(super) struct Portable {
    usual: usize,
    memory: Vec<Block>,
}

impl Portable {
    pub(super) fn new(usual: &Params) -> Self {
        Self { usual: usual.block_count(), memory: Vec::new() }
    }

    pub(super) fn compute(&mut self, inputs: &Inputs<'_>, output: &mut [u8]) -> Result<(), argon2::Error> {
        let Inputs { algorithm, version, params, password, salt, secret } = *inputs;
        let argon2 = Argon2::new_with_secret(secret, algorithm, version, params.clone())?;
        let (blocks, usual) = (params.block_count(), self.usual);
        // Allocate a larger block separately: the allocator returns it to the system as a whole, but might
        // keep a smaller block that grew.
        let mut larger = Vec::new();
        let memory = if blocks > usual { &mut larger } else { &mut self.memory };
        if memory.len() < blocks {
            *memory = Vec::with_capacity(blocks.max(usual));
            #[cfg(target_os = "linux")]
            prefer_huge_pages(memory.spare_capacity_mut());
            memory.resize(blocks.max(usual), Block::default());
        }
        argon2.hash_password_into_with_memory(password, salt, output, memory)
    }
}

/// Asks for huge pages. A hash reads from random positions throughout its memory, and takes a tenth less time if the
/// processor has fewer page table entries to look up.
#[cfg(target_os = "linux")]
fn prefer_huge_pages(memory: &mut [std::mem::MaybeUninit<Block>]) {
    const HUGE_PAGE: usize = 2 * 1024 * 1024;
    let (start, size) = (memory.as_mut_ptr().cast::<u8>(), size_of_val(memory));
    let skipped = start.align_offset(HUGE_PAGE).min(size);
    let whole = (size - skipped) / HUGE_PAGE * HUGE_PAGE;
    #[expect(unsafe_code, reason = "no library offers a safe way to do this")]
    // SAFETY: the range is within `memory`, and the advice does not change its content
    let _ = unsafe { madvise(start.wrapping_add(skipped).cast(), whole, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use argon2::{AssociatedData, ParamsBuilder};
    use proptest::{
        prelude::*,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };

    use super::*;

    const CASES: u32 = 2500;
    const SEED: [u8; 32] = *b"the two ways make the same hash ";

    fn params(memory: u32, passes: u32, lanes: u32) -> Params {
        Params::new(memory, passes, lanes, None).unwrap()
    }

    prop_compose! {
        /// Random parameters. One hash in eight has segments of more than 128 blocks, the unit in which addresses are
        /// generated.
        fn any_params()(lanes in 1..=8_u32)(
            lanes in Just(lanes),
            memory in prop_oneof![7 => 8 * lanes..=8 * lanes + 400, 1 => 512 * lanes..=512 * lanes + 600],
            passes in prop_oneof![6 => 1..=3_u32, 1 => 4..=10_u32],
            data in prop_oneof![7 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..=32)],
        ) -> Params {
            let data = AssociatedData::new(&data).unwrap();
            ParamsBuilder::new().m_cost(memory).t_cost(passes).p_cost(lanes).data(data).build().unwrap()
        }
    }

    #[test]
    fn both_ways_compute_the_same_hash_of_any_inputs() {
        // some cases fit into the kept memory, which then still contains the data of hashes with other parameters
        let usual = params(300, 1, 1);
        let (fast, portable) = (RefCell::new(Fast::new(&usual)), RefCell::new(Portable::new(&usual)));
        let (kept, long) = (Cell::new(0), Cell::new(0));
        let inputs = (
            prop::sample::select(vec![Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id]),
            prop::sample::select(vec![Version::V0x10, Version::V0x13]),
            any_params(),
            prop::collection::vec(any::<u8>(), 0..=300),
            prop::collection::vec(any::<u8>(), 8..=64),
            4..=200_usize,
        );
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &SEED));
        let compared = runner.run(&inputs, |(algorithm, version, params, password, salt, length)| {
            let (params, password, salt) = (&params, &password[..], &salt[..]);
            let inputs = Inputs { algorithm, version, params, password, salt, secret: &[] };
            let [mut output, mut expected] = [vec![0; length], vec![1; length]];
            fast.borrow_mut().compute(&inputs, &mut output).unwrap();
            portable.borrow_mut().compute(&inputs, &mut expected).unwrap();
            kept.set(kept.get() + u32::from(params.block_count() <= usual.block_count()));
            long.set(long.get() + u32::from(params.m_cost() > 516 * params.p_cost()));
            prop_assert_eq!(output, expected);
            Ok(())
        });
        compared.unwrap_or_else(|error| panic!("{error}"));
        assert!(kept.get() > 500 && long.get() > 100, "{kept:?} in kept memory, {long:?} long segments");
    }

    #[test]
    fn memory_is_taken_with_the_first_hash_and_a_larger_one_takes_its_own() {
        for backend in [Backend::Fast, Backend::Portable] {
            let (usual, larger) = (params(8, 1, 1), params(64, 1, 1));
            let mut hasher = Hasher::new(backend, &usual);
            let mut kept = vec![hasher.kept_kib()];
            for params in [&larger, &usual, &larger, &usual] {
                let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
                let (password, salt, secret) = (&b"password"[..], &b"sixteen bytes of"[..], &[][..]);
                let inputs = Inputs { algorithm, version, params, password, salt, secret };
                hasher.compute(&inputs, &mut [0; 32]).unwrap();
                kept.push(hasher.kept_kib());
            }
            assert_eq!(kept, [0, 0, 8, 8, 8], "{backend:?}");
        }
    }
}
