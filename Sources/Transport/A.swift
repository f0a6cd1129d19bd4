import Crypto
import CryptoExtras
import Subprocess
