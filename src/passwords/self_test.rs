//! Chooses the library that computes hashes, after a self-test.

use std::{fmt::Display, sync::LazyLock};

use argon2::{
    Algorithm::{self, Argon2d, Argon2i, Argon2id},
    AssociatedData, ParamsBuilder,
    Version::{self, V0x10, V0x13},
};

use super::hasher::{Backend, Fast, HashError, Inputs, Portable};
use crate::{config::Argon2Backend, secrets};

/// Whether `argon2-rust` is used on this kind of processor. On 32-bit Linux, its declaration of `mmap` is wrong.
const IS_FAST_SUPPORTED: bool =
    cfg!(all(target_pointer_width = "64", any(target_arch = "x86_64", target_arch = "aarch64")));

/// The result of the self-test, which runs at most once in each process.
static SELF_TEST: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let largest = EXAMPLES.iter().map(|example| example.memory).max().unwrap_or_default();
    let usual = ParamsBuilder::new().m_cost(largest).build().map_err(|error| error.to_string())?;
    let (mut fast, mut portable) = (Fast::new(&usual), Portable::new(&usual));
    compare(
        |inputs, output| Ok(fast.compute(inputs, output)?),
        |inputs, output| Ok(portable.compute(inputs, output)?),
    )
});

impl Backend {
    /// Chooses the library that the setting names. `auto` selects the fast one if it is supported and passes the self-test.
    pub(super) fn choose(setting: Argon2Backend) -> Self {
        Self::choose_after(setting, || SELF_TEST.as_ref().copied())
    }

    fn choose_after<E: Display>(setting: Argon2Backend, self_test: impl FnOnce() -> Result<(), E>) -> Self {
        if setting == Argon2Backend::Portable || !IS_FAST_SUPPORTED {
            return Self::Portable;
        }
        match self_test() {
            Ok(()) => Self::Fast,
            Err(difference) => {
                tracing::error!(
                    %difference,
                    "the self-test of password hashes failed; the slower library `argon2` computes them instead"
                );
                Self::Portable
            }
        }
    }
}

/// A hash of the inputs of RFC 9106 §5.
struct Example {
    algorithm: Algorithm,
    version: Version,
    memory: u32,
    passes: u32,
    lanes: u32,
    expected: &'static str,
}

/// The examples. The first three are from RFC 9106. The reference implementation computed all of the hashes. The last
/// seven examples have segments of more than 128 blocks, so each segment takes several blocks of addresses.
#[rustfmt::skip]
const EXAMPLES: [Example; 13] = [
    Example { algorithm: Argon2d, version: V0x13, memory: 32, passes: 3, lanes: 4, expected: "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb" },
    Example { algorithm: Argon2i, version: V0x13, memory: 32, passes: 3, lanes: 4, expected: "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8" },
    Example { algorithm: Argon2id, version: V0x13, memory: 32, passes: 3, lanes: 4, expected: "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659" },
    Example { algorithm: Argon2d, version: V0x10, memory: 32, passes: 3, lanes: 4, expected: "96a9d4e5a1734092c85e29f410a45914a5dd1f5cbf08b2670da68a0285abf32b" },
    Example { algorithm: Argon2i, version: V0x10, memory: 32, passes: 3, lanes: 4, expected: "87aeedd6517ab830cd9765cd8231abb2e647a5dee08f7c05e02fcb763335d0fd" },
    Example { algorithm: Argon2id, version: V0x10, memory: 32, passes: 3, lanes: 4, expected: "b64615f07789b66b645b67ee9ed3b377ae350b6bfcbb0fc95141ea8f322613c0" },
    Example { algorithm: Argon2d, version: V0x13, memory: 523, passes: 2, lanes: 1, expected: "45442f76631090ecc60187a70d3805dca07e289760edcf0673ddf2b086113faa" },
    Example { algorithm: Argon2i, version: V0x13, memory: 523, passes: 2, lanes: 1, expected: "35ddd21b06332cfcefdbf0f9f6fb76545130ad8bf47f81ccb256a911214e78ae" },
    Example { algorithm: Argon2id, version: V0x13, memory: 523, passes: 2, lanes: 1, expected: "48d6f06603fd9d53e0308afe0233e84a7ce1af068b4052ddc511a552333e6e4c" },
    Example { algorithm: Argon2d, version: V0x10, memory: 523, passes: 2, lanes: 1, expected: "d8c17ace6cbda15c59a8d5414e7f7c9d5a378d38caf1eada9998ded423d86d8b" },
    Example { algorithm: Argon2i, version: V0x10, memory: 523, passes: 2, lanes: 1, expected: "892404ceabb7945542655333e695d07a227150b618e2fbf3b5242bdb6e222863" },
    Example { algorithm: Argon2id, version: V0x10, memory: 523, passes: 2, lanes: 1, expected: "e9f1c6d33b46a399ce53f96a9bf6becb1bd43dbff1f363b05cf02d90768d8157" },
    Example { algorithm: Argon2id, version: V0x13, memory: 2093, passes: 2, lanes: 4, expected: "5b45bf04d008f394611b4bcbc8fb9f163638aee83a72b23f4f3370b2609dad1c" },
];

/// The number of random inputs on which the two libraries are compared.
const RANDOM: usize = 4;

/// Compares two libraries on the examples and on random inputs. Returns the first difference.
fn compare(
    mut fast: impl FnMut(&Inputs<'_>, &mut [u8]) -> Result<(), HashError>,
    mut portable: impl FnMut(&Inputs<'_>, &mut [u8]) -> Result<(), HashError>,
) -> Result<(), String> {
    let mut both = |inputs: &Inputs<'_>| {
        let [mut ours, mut reference] = [[0; 32]; 2];
        fast(inputs, &mut ours).and_then(|()| portable(inputs, &mut reference)).map_err(|e| e.to_string())?;
        Ok::<_, String>((ours, reference))
    };
    let data = AssociatedData::new(&[4; 12]).map_err(|error| error.to_string())?;
    for Example { algorithm, version, memory, passes, lanes, expected } in EXAMPLES {
        let params = ParamsBuilder::new()
            .m_cost(memory)
            .t_cost(passes)
            .p_cost(lanes)
            .data(data)
            .build()
            .map_err(|error| error.to_string())?;
        let (password, salt, secret) = (&[1; 32], &[2; 16], &[3; 8]);
        let inputs = Inputs { algorithm, version, params: &params, password, salt, secret };
        let (ours, reference) = both(&inputs)?;
        for (library, output) in [("argon2-rust", ours), ("argon2", reference)] {
            if hex::encode(output) != expected {
                return Err(format!(
                    "`{library}` computes a wrong {algorithm} of version {version:?} with m={memory}, t={passes}, p={lanes}"
                ));
            }
        }
    }
    for _ in 0..RANDOM {
        let [memory, passes, lanes, version] = secrets::guessable::<4>();
        let version = if version & 1 == 0 { V0x13 } else { V0x10 };
        let (passes, lanes) = (u32::from(passes % 3) + 1, u32::from(lanes % 4) + 1);
        let memory = 8 * lanes + u32::from(memory);
        let params = ParamsBuilder::new()
            .m_cost(memory)
            .t_cost(passes)
            .p_cost(lanes)
            .build()
            .map_err(|error| error.to_string())?;
        let (password, salt) = (&secrets::guessable::<20>(), &secrets::guessable::<16>());
        let inputs = Inputs { algorithm: Argon2id, version, params: &params, password, salt, secret: &[] };
        let (ours, reference) = both(&inputs)?;
        if ours != reference {
            return Err(format!(
                "`argon2-rust` and `argon2` differ on random inputs, version {version:?} with m={memory}, t={passes}, p={lanes}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::*;

    const SETTINGS: [Argon2Backend; 2] = [Argon2Backend::Auto, Argon2Backend::Portable];

    type Condition = fn(&Inputs<'_>) -> bool;

    /// A library that flips a bit of the hashes that the condition selects.
    fn wrong(
        when: impl Fn(&Inputs<'_>) -> bool,
    ) -> impl FnMut(&Inputs<'_>, &mut [u8]) -> Result<(), HashError> {
        move |inputs, output| {
            Portable::new(inputs.params).compute(inputs, output)?;
            output[31] ^= u8::from(when(inputs));
            Ok(())
        }
    }

    #[test]
    fn the_self_test_passes_and_notices_a_library_that_is_sometimes_wrong() {
        assert_eq!(*SELF_TEST, Ok(()));
        assert_eq!(compare(wrong(|_| false), wrong(|_| false)), Ok(()));
        let conditions: [(Condition, &str); 8] = [
            (|_| true, "argon2d of version V0x13 with m=32, t=3, p=4"),
            (|inputs| inputs.algorithm == Argon2i, "argon2i of version V0x13 with m=32, t=3, p=4"),
            (|inputs| inputs.algorithm == Argon2id, "argon2id of version V0x13 with m=32, t=3, p=4"),
            (|inputs| inputs.version == V0x10, "argon2d of version V0x10 with m=32, t=3, p=4"),
            (|inputs| inputs.params.p_cost() == 1, "argon2d of version V0x13 with m=523, t=2, p=1"),
            (|inputs| inputs.params.block_count() > 512, "argon2d of version V0x13 with m=523, t=2, p=1"),
            (|inputs| inputs.params.m_cost() > 2048, "argon2id of version V0x13 with m=2093, t=2, p=4"),
            (|inputs| inputs.secret.is_empty(), "differ on random inputs"),
        ];
        for (condition, expected) in conditions {
            let difference = compare(wrong(condition), wrong(|_| false)).unwrap_err();
            assert!(difference.contains(expected), "{difference}");
            let difference = compare(wrong(|_| false), wrong(condition)).unwrap_err();
            assert!(difference.contains(expected), "{difference}");
        }
    }

    #[test]
    fn an_error_fails_the_self_test() {
        let fails = |_: &Inputs<'_>, _: &mut [u8]| Err(argon2_rust::Error::MemoryAllocationError.into());
        let error = compare(fails, wrong(|_| false)).unwrap_err();
        assert!(error.starts_with("argon2-rust: "), "{error}");
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_failed_self_test_is_logged_and_leads_to_the_portable_library() {
        let log = Log::default();
        let records = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || records.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            for setting in SETTINGS {
                assert_eq!(Backend::choose_after(setting, || Err("it is wrong")), Backend::Portable);
            }
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches("the self-test of password hashes failed").count(), 1, "{log}");
        assert!(log.contains("ERROR") && log.contains("it is wrong"), "{log}");
    }

    #[test]
    fn the_setting_decides_after_a_passed_self_test() {
        let auto = if IS_FAST_SUPPORTED { Backend::Fast } else { Backend::Portable };
        assert_eq!(SETTINGS.map(Backend::choose), [auto, Backend::Portable]);
        // a processor on which `argon2-rust` crashes needs a way around the self-test
        Backend::choose_after(Argon2Backend::Portable, || -> Result<(), String> { panic!("it ran") });
    }
}
