//! `pkcs11:` without a device: libraries that are none. With a device it is tested by `keys/tests/live.sh`.

use crate::pkcs11::Pkcs11Key;

#[test]
fn what_is_no_library_is_refused() {
    let file = std::env::temp_dir().join(format!("peristyle-library-{}", std::process::id()));
    std::fs::write(&file, "no library").unwrap();
    for path in [file.to_str().unwrap(), "/nowhere/p11.so"] {
        let found = Pkcs11Key::parse(&format!("token=T;object=K?module-path={path}"));
        let why = found.map(drop).unwrap_err().to_string();
        assert!(why.contains("not a PKCS#11 library"), "{why}");
    }
    std::fs::remove_file(&file).unwrap();
}
