//! The names of common authenticators.

use uuid::Uuid;

/// The AAGUIDs of common password managers and security keys, as their makers publish them
/// (<https://github.com/passkeydeveloper/passkey-authenticator-aaguids>, FIDO Metadata Service).
const NAMES: [(u128, &str); 26] = [
    (0x08987058_cadc_4b81_b6e1_30de50dcbe96, "Windows Hello"),
    (0x0ea242b4_43c4_4a1b_8b17_dd6d0b6baec6, "Keeper"),
    (0x2fc0579f_8113_47ea_b116_bb5a8db9202a, "YubiKey 5"),
    (0x50726f74_6f6e_5061_7373_50726f746f6e, "Proton Pass"),
    (0x531126d6_e717_415c_9320_3d9aa6981239, "Dashlane"),
    (0x53414d53_554e_4700_0000_000000000000, "Samsung Pass"),
    (0x6028b017_b1d4_4c02_b4b3_afcdafc96bb2, "Windows Hello"),
    (0x771b48fd_d3d4_4f74_9232_fc157ab0507a, "Edge on Mac"),
    (0x891494da_2c90_4d31_a9cd_4eab0aed1309, "Sésame"),
    (0x9ddd1817_af5a_4672_a2b9_3e3dd95000a9, "Windows Hello"),
    (0xa25342c0_3cdc_4414_8e46_f4807fca511c, "YubiKey 5"),
    (0xadce0002_35bc_c60a_648b_0b25f1f05503, "Chrome on Mac"),
    (0xb5397666_4885_aa6b_cebf_e52262a439a2, "Chromium"),
    (0xb84e4048_15dc_4dd0_8640_f4f60813c8af, "NordPass"),
    (0xbada5566_a7aa_401f_bd96_45619a55120d, "1Password"),
    (0xc5ef55ff_ad9a_4b9f_b580_adebafe026d0, "YubiKey 5"),
    (0xcb69481e_8ff7_4039_93ec_0a2729a154a8, "YubiKey 5"),
    (0xd548826e_79b4_db40_a3d8_11116f7e8349, "Bitwarden"),
    (0xd7781e5d_e353_46aa_afe2_3ca49f13332a, "YubiKey 5"),
    (0xdd4ec289_e01d_41c9_bb89_70fa845d4bf2, "iCloud Keychain"),
    (0xea9b8d66_4d01_1d21_3ce4_b6b48cb575d4, "Google Password Manager"),
    (0xee882879_721c_4913_9775_3dfcce97072a, "YubiKey 5"),
    (0xf3809540_7f14_49c1_a8b3_8f813b225541, "Enpass"),
    (0xfa2b99dc_9e39_4257_8f92_4a30d23c4118, "YubiKey 5"),
    (0xfbfc3007_154e_4ecc_8c0b_6e020557d7bd, "Apple Passwords"),
    (0xfdb141b2_5d84_443e_8a35_4698c205a502, "KeePassXC"),
];

/// Returns the default name of a passkey: the name of its authenticator, if the authenticator is known.
pub(super) fn default_name(aaguid: Option<[u8; 16]>) -> &'static str {
    let aaguid = aaguid.map(|bytes| Uuid::from_bytes(bytes).as_u128());
    NAMES.iter().find(|(known, _)| Some(*known) == aaguid).map_or("Passkey", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_authenticator_gives_its_name() {
        let of_bitwarden = Uuid::parse_str("d548826e-79b4-db40-a3d8-11116f7e8349").unwrap();
        assert_eq!(default_name(Some(of_bitwarden.into_bytes())), "Bitwarden");
        assert_eq!(default_name(Some([7; 16])), "Passkey");
        assert_eq!(default_name(None), "Passkey");
    }
}
